// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A handshake over a socket, as far as it goes without waiting.

#include <string>

#include "base/unique_fd.hpp"
#include "runtime/stream/handshake.hpp"
#include "runtime/stream/secure_stream.hpp"

namespace ipcrun {

class HandshakeSocket {
  public:
    enum class State { wants_to_read, wants_to_write, done };

    /// `socket` is non-blocking. `peer` is for errors, and for the stream.
    HandshakeSocket(UniqueFd socket, Role role, const Key& key, bool wants_encryption,
                    std::string_view purpose, std::string peer);

    int fd() const { return socket_.get(); }
    const std::string& peer() const { return peer_; }
    /// Goes on until it has to wait, or is done. Throws Error: as Handshake, its text without the
    /// peer, which has then been told, as far as that did not block; peer_lost, system.
    State advance();
    /// Once it is done; nothing is left of this then.
    SecureStream take_stream();

  private:
    bool send_output();
    bool receive();
    void refuse();

    UniqueFd socket_;
    std::string peer_;
    Handshake handshake_;
    Bytes output_, input_;
    std::size_t sent_ = 0;
};

}  // namespace ipcrun
