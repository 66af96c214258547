// SPDX-License-Identifier: Apache-2.0
#include "runtime/hosts/host_dial.hpp"

#include <sys/socket.h>

#include <array>
#include <cstring>
#include <utility>

#include "base/fail.hpp"
#include "base/stream_socket.hpp"

namespace ipcrun {

namespace {

// Not even the name of a host may hold up a call for long.
constexpr Seconds lookup_time_max{10};

}  // namespace

HostDial::HostDial(const Address& address, Introduction introduction, const Key& key, bool encrypt,
                   std::string name)
    : introduction_(introduction),
      key_(key),
      encrypt_(encrypt),
      name_(std::move(name)),
      socket_(begin_connect(address, Deadline::after(lookup_time_max))) {}

int HostDial::fd() const {
    if (socket_) return socket_.get();
    return handshake_ ? handshake_->fd() : stream_->fd();
}

void HostDial::introduce() {
    const IntroductionBytes bytes = encode_introduction(introduction_);
    // A socket that nothing has been written to has room for a few bytes.
    const ssize_t count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count != static_cast<ssize_t>(bytes.size()))
        throw Error(ErrorCode::peer_lost, "it broke the connection");
    handshake_.emplace(std::move(socket_), Role::client, key_, encrypt_, purpose_of(introduction_),
                       name_);
}

HostDial::State HostDial::await_welcome() {
    while (welcome_bytes_ < welcome_.size()) {
        const iovec room{welcome_.data() + welcome_bytes_, welcome_.size() - welcome_bytes_};
        const std::size_t count = stream_->try_read({&room, 1});
        if (count == 0) return State::wants_to_read;
        welcome_bytes_ += count;
    }
    if (decode_host_frame(welcome_).kind != HostFrameKind::welcome)
        fail(ErrorCode::protocol, "it begins with something else than a welcome");
    return State::done;
}

HostDial::State HostDial::advance() {
    if (socket_) {
        const int result = end_connect(socket_.get());
        if (result != 0) throw Error(ErrorCode::system, std::strerror(result), result);
        introduce();
    }
    if (handshake_) {
        const State state = handshake_->advance();
        if (state != State::done) return state;
        stream_.emplace(handshake_->take_stream());
        handshake_.reset();
    }
    return await_welcome();
}

}  // namespace ipcrun
