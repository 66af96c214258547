// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The client's way to a SecureStream.

#include <string_view>

#include "base/address.hpp"
#include "base/deadline.hpp"
#include "runtime/stream/secure_stream.hpp"

namespace ipcrun {

struct DialOptions {
    Key key;
    bool encrypt = false;
    std::string_view purpose = "ipc";
    /// How long to go on when nobody listens there (yet): refused and unreachable are tried again
    /// with pauses that grow to a quarter of a second, until the deadline. Else they are errors.
    bool waits_for_listener = true;
};

/// Connects and shakes hands. A server that accepts and then says nothing for 10 s is an error. One
/// that ends the connection in the middle of a handshake may have too many of them: who waits for a
/// listener tries again, for 10 s at most.
/// Throws Error: config (no such host; another key: with what to do), system (refused, …),
/// protocol (what listens there is none of ours, or of another version), peer_lost (it closed),
/// timeout. The text names the address, and the last failure when time is over.
SecureStream dial(const Address& address, const DialOptions& options, Deadline deadline);

/// The same over a socket that is connected.
SecureStream shake_hands(UniqueFd socket, Role role, const DialOptions& options, std::string peer,
                         Deadline deadline);

}  // namespace ipcrun
