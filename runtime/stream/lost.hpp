// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How errors of a socket read when they are the end of a peer.

#include <string_view>

namespace ipcrun {

/// Throws Error{peer_lost}, saying how the connection with `peer` ended: by this errno; 0: by its
/// end. Throws Error{system} for what has nothing to do with the peer.
[[noreturn]] void fail_lost(std::string_view peer, int error_number);

/// The same when has_vanished() says so.
[[noreturn]] void fail_vanished(std::string_view peer);

}  // namespace ipcrun
