// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/link_errors.hpp"

#include <string>

#include "base/fail.hpp"
#include "runtime/stream/frame.hpp"

namespace ipcrun {

namespace {

std::string describe(const LinkCall& call) {
    const std::string tag = call.tag == 0 ? "" : fmt::format(" with tag {}", call.tag);
    if (call.bytes == 0) return fmt::format("{} a message{}", call.verb, tag);
    return fmt::format("{} {} bytes{}", call.verb, call.bytes, tag);
}

}  // namespace

void check_link_call(const LinkCall& call, std::span<const std::uint8_t> note) {
    if (call.tag < 0) fail(ErrorCode::usage, "{}: tags are 0 or more", describe(call));
    if (note.size() > note_bytes_max)
        fail(ErrorCode::usage, "{}: a note of {} bytes; they have {} at most", describe(call),
             note.size(), note_bytes_max);
}

bool fits(const PartsShape& wanted, const Arrival& arrival) {
    return wanted.bytes == arrival.bytes && (wanted.bytes == 0 || wanted.dtype == arrival.dtype);
}

void check_arrival(const LinkCall& call, const PartsShape& wanted, const Arrival& arrival) {
    if (fits(wanted, arrival)) return;
    fail(ErrorCode::mismatch,
         "{}: the message has {} bytes of {}, and {} bytes of {} were to be received",
         describe(call), arrival.bytes, name_of(arrival.dtype), wanted.bytes,
         name_of(wanted.dtype));
}

Error link_timed_out(const LinkCall& call) {
    return Error(ErrorCode::timeout,
                 fmt::format("{}: timed out waiting for the peer", describe(call)));
}

Error link_torn(const LinkCall& call) {
    return Error(ErrorCode::timeout,
                 fmt::format("{}: timed out in the middle of the message: the connection is lost",
                             describe(call)));
}

Error link_held_back(const LinkCall& call, std::size_t lag_bytes) {
    return Error(ErrorCode::usage,
                 fmt::format("{}: both sides are held back: each has sent more than the other "
                             "received (lag {} bytes): receive first",
                             describe(call), lag_bytes));
}

Error link_lost(const LinkCall& call, std::string_view how) {
    return Error(ErrorCode::peer_lost, fmt::format("{}: {}", describe(call), how));
}

Error link_closed(const LinkCall& call) {
    return Error(ErrorCode::usage,
                 fmt::format("{}: this connection has been closed", describe(call)));
}

}  // namespace ipcrun
