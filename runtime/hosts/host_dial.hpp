// SPDX-License-Identifier: Apache-2.0
#pragma once
/// One try to reach a rank on another host: connection, proof, welcome; without waiting.

#include <optional>
#include <string>

#include "base/address.hpp"
#include "base/deadline.hpp"
#include "base/unique_fd.hpp"
#include "runtime/hosts/frame.hpp"
#include "runtime/hosts/introduction.hpp"
#include "runtime/stream/handshake_socket.hpp"

namespace ipcrun {

class HostDial {
  public:
    using State = HandshakeSocket::State;

    /// `name` is that of the peer in errors of the stream. Throws as begin_connect().
    HostDial(const Address& address, Introduction introduction, const Key& key, bool encrypt,
             std::string name);

    int fd() const;
    /// Goes on until it has to wait, or has been made welcome. Throws Error: system with its errno
    /// (no connection), peer_lost (it ended the connection), config, protocol; the texts say why
    /// alone.
    State advance();
    /// Once it is done; nothing is left of this then.
    SecureStream take_stream() { return std::move(*stream_); }

    bool is_connected() const { return !socket_; }
    Clock::time_point begun() const { return begun_; }

  private:
    void introduce();
    State await_welcome();

    Introduction introduction_;
    Key key_;
    bool encrypt_;
    std::string name_;
    Clock::time_point begun_ = Clock::now();
    // One after the other.
    UniqueFd socket_;
    std::optional<HandshakeSocket> handshake_;
    std::optional<SecureStream> stream_;
    HostFrameBytes welcome_ = {};
    std::size_t welcome_bytes_ = 0;
};

}  // namespace ipcrun
