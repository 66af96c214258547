// SPDX-License-Identifier: Apache-2.0
#include "runtime/hosts/host_visitor.hpp"

#include <sys/socket.h>

#include <utility>

#include "base/fail.hpp"
#include "runtime/stream/lost.hpp"

namespace ipcrun {

HostVisitor::HostVisitor(UniqueFd socket, int own_rank, int ranks, const Key& key, bool encrypt)
    : socket_(std::move(socket)),
      own_rank_(own_rank),
      ranks_(ranks),
      key_(key),
      encrypt_(encrypt) {}

// False when it has not all come yet.
bool HostVisitor::receive_introduction() {
    while (received_ < introduction_.size()) {
        const ssize_t count = ::recv(socket_.get(), introduction_.data() + received_,
                                     introduction_.size() - received_, 0);
        if (count == 0) fail_lost("a visitor", 0);
        if (count < 0 && errno == EAGAIN) return false;
        if (count < 0 && errno != EINTR) fail_lost("a visitor", errno);
        if (count > 0) received_ += static_cast<std::size_t>(count);
    }
    return true;
}

HostVisitor::State HostVisitor::advance() {
    if (!handshake_) {
        if (!receive_introduction()) return State::wants_to_read;
        Introduction introduction = decode_introduction(introduction_);
        if (introduction.from >= static_cast<std::uint32_t>(ranks_) ||
            introduction.from == static_cast<std::uint32_t>(own_rank_))
            fail(ErrorCode::protocol, "nobody else is rank {} of {}", introduction.from, ranks_);
        rank_ = static_cast<int>(introduction.from);
        // If it means another, the proof will not fit, and it will know.
        introduction.to = static_cast<std::uint32_t>(own_rank_);
        handshake_.emplace(std::move(socket_), Role::server, key_, encrypt_,
                           purpose_of(introduction), fmt::format("rank {}", rank_));
    }
    return handshake_->advance();
}

}  // namespace ipcrun
