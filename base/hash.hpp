// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A hash that is the same in every process: what ranks compare to see that they agree.

#include <cstdint>
#include <string_view>

namespace ipcrun {

/// FNV-1a with 64 bits (http://www.isthe.com/chongo/tech/comp/fnv): for short inputs of our own,
/// not for what an attacker chooses. What is added is not told apart from its concatenation.
class Hash {
  public:
    void add(std::uint64_t number) {
        for (int byte = 0; byte < 8; ++byte) mix(static_cast<std::uint8_t>(number >> 8 * byte));
    }
    void add(std::string_view text) {
        for (const char character : text) mix(static_cast<std::uint8_t>(character));
    }
    std::uint64_t value() const { return value_; }

  private:
    void mix(std::uint8_t byte) { value_ = (value_ ^ byte) * 0x0000'0100'0000'01b3; }

    std::uint64_t value_ = 0xcbf2'9ce4'8422'2325;
};

}  // namespace ipcrun
