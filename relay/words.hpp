// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What the two ends of a relay say to each other, beside the messages that they pass on.

#include <cstdint>
#include <span>
#include <string>
#include <variant>

#include "base/bytes.hpp"

namespace ipcrun {

/// The far end: the child runs.
struct Begun {
    std::int32_t pid = 0;
};
/// The far end: it cannot be started, and why.
struct NotBegun {
    std::string reason;
};
/// The far end: it has ended, and all that it sent has been passed on.
struct ChildOver {
    std::int32_t wait_status = 0;  ///< as waitpid(2) gives it
    bool out_of_memory = false;
    std::string report;
};
/// The near end: a signal for the child.
struct Signalled {
    std::int32_t number = 0;
};
/// So much of the window has been handed over.
struct Taken {
    std::uint64_t bytes = 0;
};

using RelayWord = std::variant<Begun, NotBegun, ChildOver, Signalled, Taken>;

Bytes encode(const RelayWord& word);
/// Throws Error{protocol} for bytes that encode() cannot have made.
RelayWord decode_relay_word(std::span<const std::uint8_t> bytes);

}  // namespace ipcrun
