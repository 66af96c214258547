// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Finds the agent's greeting in a stream of bytes that begins with what other people's programs
/// print. Pure.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace ipcrun {

class GreetingReader {
  public:
    /// What follows the greeting (perhaps nothing), once it is there; nullopt: not yet. Throws
    /// Error{protocol} for the greeting of another version, and for more than before_greeting_max
    /// bytes without one.
    std::optional<Bytes> feed(std::span<const std::uint8_t> bytes);
    /// What came before it, or all that came: the last of it, fit to be shown, for messages.
    std::string before() const;

  private:
    std::string seen_;
    std::size_t searched_ = 0;  // no greeting begins before
};

}  // namespace ipcrun
