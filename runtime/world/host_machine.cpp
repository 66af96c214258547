// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_machine.hpp"

#include <fstream>
#include <string>

#include "base/hash.hpp"

namespace ipcrun {

std::uint64_t machine_id() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string text;
    if (!std::getline(file, text) || text.empty()) return 0;
    Hash hash;
    hash.add(std::string_view(text));
    return hash.value();
}

}  // namespace ipcrun
