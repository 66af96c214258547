// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/seeds.hpp"

#include <cstdlib>
#include <fstream>
#include <vector>

#include "base/fail.hpp"

namespace ipcrun::fuzz {

void Seeds::add(std::span<const std::uint8_t> input) {
    std::ofstream file(folder_ + "/" + std::to_string(++number_), std::ios::binary);
    file.write(reinterpret_cast<const char*>(input.data()),
               static_cast<std::streamsize>(input.size()));
    file.close();
    check(file.good(), "a seed cannot be written");
}

void Seeds::add(int form, std::span<const std::uint8_t> bytes) {
    std::vector<std::uint8_t> input{static_cast<std::uint8_t>(form)};
    input.insert(input.end(), bytes.begin(), bytes.end());
    add(input);
}

void Seeds::add(int form, std::string_view text) {
    add(form, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

}  // namespace ipcrun::fuzz

extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments) {
    if (*count != 3 || std::string_view((*arguments)[1]) != "--seeds") return 0;
    ipcrun::fuzz::Seeds seeds((*arguments)[2]);
    ipcrun::fuzz::add_seeds(seeds);
    std::exit(0);
}
