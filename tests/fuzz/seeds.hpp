// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a fuzzer starts from. With `--seeds FOLDER` each of them writes its seeds there and ends.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ipcrun::fuzz {

/// A folder of inputs, one file each.
class Seeds {
  public:
    explicit Seeds(std::string folder) : folder_(std::move(folder)) {}
    void add(std::span<const std::uint8_t> input);
    /// For fuzzers whose first byte picks what is decoded.
    void add(int form, std::span<const std::uint8_t> bytes);
    void add(int form, std::string_view text);

  private:
    std::string folder_;
    int number_ = 0;
};

/// Every fuzzer has its own.
void add_seeds(Seeds& seeds);

}  // namespace ipcrun::fuzz
