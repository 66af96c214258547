// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Somebody who has connected, and says that it is a rank of the job; without waiting.

#include <optional>
#include <string>

#include "base/deadline.hpp"
#include "base/unique_fd.hpp"
#include "runtime/hosts/introduction.hpp"
#include "runtime/stream/handshake_socket.hpp"

namespace ipcrun {

class HostVisitor {
  public:
    using State = HandshakeSocket::State;

    /// `own_rank`: whom it should mean, of `ranks`.
    HostVisitor(UniqueFd socket, int own_rank, int ranks, const Key& key, bool encrypt);

    int fd() const { return handshake_ ? handshake_->fd() : socket_.get(); }
    /// Goes on until it has to wait, or has proved who it is. Throws Error: it is not let in.
    State advance();
    /// Once it is done: who it is.
    int rank() const { return rank_; }
    SecureStream take_stream() { return handshake_->take_stream(); }

    Clock::time_point begun() const { return begun_; }
    bool has_spoken() const { return received_ != 0; }

  private:
    bool receive_introduction();

    UniqueFd socket_;
    int own_rank_, ranks_;
    Key key_;
    bool encrypt_;
    Clock::time_point begun_ = Clock::now();
    IntroductionBytes introduction_ = {};
    std::size_t received_ = 0;
    int rank_ = -1;
    std::optional<HandshakeSocket> handshake_;
};

}  // namespace ipcrun
