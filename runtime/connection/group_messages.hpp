// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What the founder of a shared group and the others tell each other while it is set up.

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace ipcrun {

/// Founder: the memory that came beside this is that of a group, in which you have a number.
struct GroupOffer {
    std::int32_t rank = 0, size = 0;
    std::uint32_t memory = 0;  ///< which of those that came by this connection: see send_memory()
    std::vector<std::int32_t> fellows = {};  ///< members that end with the founder's process
};
/// Member: has mapped it. Founder: all have, begin.
struct GroupReady {};
/// Either: there will be no group.
struct GroupRefused {
    ErrorCode code = ErrorCode::system;
    std::string reason = {};
};
using GroupWord = std::variant<GroupOffer, GroupReady, GroupRefused>;

/// Words of attempts that have failed may lie on a connection still: by these two they are known.
struct GroupMessage {
    bool is_founders = false;
    std::uint32_t attempt = 0;  ///< counted by the founder, by connection, from 1
    GroupWord word = GroupReady{};
};

Bytes encode(const GroupMessage& message);
/// Throws Error{protocol} for what encode() does not make.
GroupMessage decode_group_message(std::span<const std::uint8_t> bytes);

}  // namespace ipcrun
