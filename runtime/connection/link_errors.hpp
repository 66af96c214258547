// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What goes wrong with the messages of a link, said alike by all kinds of them. Who the peer is
/// adds whoever knows.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.hpp"
#include "runtime/connection/link.hpp"
#include "runtime/parts.hpp"

namespace ipcrun {

/// What was attempted with which message.
struct LinkCall {
    std::string_view verb;  ///< "send", "receive"
    int tag;
    std::size_t bytes = 0;
};

/// Throws Error{usage} for a tag or a note that cannot be.
void check_link_call(const LinkCall& call, std::span<const std::uint8_t> note = {});
bool fits(const PartsShape& wanted, const Arrival& arrival);
/// Throws Error{mismatch} unless the parts are what has come.
void check_arrival(const LinkCall& call, const PartsShape& wanted, const Arrival& arrival);

Error link_timed_out(const LinkCall& call);
/// Of a message of which a part is under way: the link can carry nothing more.
Error link_torn(const LinkCall& call);
/// Both ends wait in a send to each other.
Error link_held_back(const LinkCall& call, std::size_t lag_bytes);
/// `how` the peer is lost: "the peer has closed the connection".
Error link_lost(const LinkCall& call, std::string_view how);
Error link_closed(const LinkCall& call);

constexpr std::string_view peer_has_closed = "the peer has closed the connection";

}  // namespace ipcrun
