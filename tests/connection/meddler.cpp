// SPDX-License-Identifier: Apache-2.0
#include "tests/connection/meddler.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/socket.hpp"
#include "base/stream_socket.hpp"

namespace ipcrun::testing {

namespace {

constexpr int drip_pause_ms = 10;

std::size_t index_of(Way way) {
    return static_cast<std::size_t>(way);
}

}  // namespace

Meddler::Meddler(const Address& server, MeddlingPlan plan)
    : server_(server),
      plan_(plan),
      listener_(listen_at({.host = "127.0.0.1"})),
      address_(own_address(listener_.get())),
      end_(create_socket_pair(SocketKind::stream)),
      thread_([this] { run(); }) {}

Meddler::~Meddler() {
    end_.first.reset();
    thread_.join();
}

Bytes Meddler::passed(Way way) const {
    const std::lock_guard lock(mutex_);
    return passed_[index_of(way)];
}

std::vector<std::size_t> Meddler::steps(Way way) const {
    const std::lock_guard lock(mutex_);
    return steps_[index_of(way)];
}

// False: there is nothing more to do.
bool Meddler::pass(int from, int to, Way way) {
    std::array<std::uint8_t, 65536> piece;
    Bytes& before = passed_[index_of(way)];  // written by this thread alone
    std::size_t wanted = plan_.what == Meddling::drip ? 1 : piece.size();
    const bool is_meant = plan_.way == way && before.size() <= plan_.at;
    const bool ends = plan_.what == Meddling::cut || plan_.what == Meddling::hold;
    if (is_meant && ends) wanted = std::min(wanted, plan_.at - before.size());
    if (wanted == 0) return false;
    const ssize_t count = ::recv(from, piece.data(), wanted, 0);
    if (count <= 0) return false;
    const auto size = static_cast<std::size_t>(count);
    if (is_meant && plan_.what == Meddling::change && plan_.at - before.size() < size)
        piece[plan_.at - before.size()] ^= 0x55;
    {
        const std::lock_guard lock(mutex_);
        before.insert(before.end(), piece.begin(), piece.begin() + count);
        steps_[index_of(way)].push_back(before.size());
    }
    if (::send(to, piece.data(), size, MSG_NOSIGNAL) != count) return false;
    return !is_meant || !ends || before.size() < plan_.at;
}

void Meddler::run() {
    while (run_once()) {
    }
}

// One connection. False: this is dropped.
bool Meddler::run_once() {
    const auto wait = [this](std::array<pollfd, 3> fds) {
        while (::poll(fds.data(), fds.size(), -1) < 0) {
        }
        return fds;
    };
    const pollfd end{end_.second.get(), POLLIN, 0}, nobody{-1, 0, 0};
    if (wait({end, {listener_.get(), POLLIN, 0}, nobody})[0].revents != 0) return false;
    const UniqueFd client = accept_from(listener_.get());
    const UniqueFd server = connect_to(server_, Deadline::after(Seconds(20)));
    {
        const std::lock_guard lock(mutex_);
        passed_ = {};
        steps_ = {};
    }
    const pollfd from_client{client.get(), POLLIN, 0}, from_server{server.get(), POLLIN, 0};
    const bool ends = plan_.what == Meddling::cut || plan_.what == Meddling::hold;
    bool goes_on = !ends || plan_.at > 0;
    while (goes_on) {
        const auto ready = wait({end, from_client, from_server});
        if (ready[0].revents != 0) return false;
        if (ready[1].revents != 0) goes_on = pass(client.get(), server.get(), Way::to_server);
        if (goes_on && ready[2].revents != 0)
            goes_on = pass(server.get(), client.get(), Way::to_client);
        // This is what slow means here, and no wait for anything.
        if (plan_.what == Meddling::drip) (void)::poll(nullptr, 0, drip_pause_ms);
    }
    if (plan_.what != Meddling::hold) return true;
    (void)wait({end, nobody, nobody});
    return false;
}

}  // namespace ipcrun::testing
