// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The proof at a door: who shows a ticket there is who the ticket was given to.

#include <array>
#include <string>

#include "base/deadline.hpp"
#include "base/unique_fd.hpp"
#include "runtime/stream/handshake.hpp"

namespace ipcrun {

/// What is shown first, so that the door knows whose secret to prove. Random, and no secret.
using Ticket = std::array<std::uint8_t, 16>;

/// One side of it. The key is the secret of the session that the ticket was given in.
class DoorHandshake {
  public:
    DoorHandshake(Role role, const Key& secret) : handshake_(role, secret, false, "door") {}

    /// Sends and receives on `fd`, a non-blocking socket, what can be now: true when both sides are
    /// proved. Throws what Handshake throws, and Error{peer_lost} at the end of the stream.
    bool advance(int fd);

  private:
    void send_output(int fd);

    Handshake handshake_;
    Bytes received_;
};

/// Reads what is there, until `bytes` has `size`: true when it has. Throws Error{peer_lost} at the
/// end of the stream, and system.
bool read_up_to(int fd, Bytes& bytes, std::size_t size);

/// Goes to the door `name` with the ticket: the socket, proved. Throws Error: system, peer_lost,
/// config, protocol, timeout.
UniqueFd pass_door(const std::string& name, const Ticket& ticket, const Key& secret,
                   Deadline deadline);

}  // namespace ipcrun
