// SPDX-License-Identifier: Apache-2.0
#pragma once
/// An epoll and a timer of its own: one descriptor that is readable whenever there is something to
/// do.

#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <span>

#include "base/unique_fd.hpp"

namespace ipcrun {

class Poller {
  public:
    /// What an event is about. A number that is nobody's any more is to be passed over: it may come
    /// once after forget().
    struct Token {
        enum class Kind : std::uint32_t { timer, listener, visitor, dial, stream, fabric, wake };
        Kind kind;
        std::uint32_t number;
    };
    struct Interest {
        bool readable = false, writable = false;
    };

    Poller();
    int fd() const { return epoll_.get(); }

    /// A descriptor is watched once, and forgotten before it is closed: a child after fork() keeps
    /// a copy open.
    void watch(int fd, Token token, Interest interest) const;
    void change(int fd, Token token, Interest interest) const;
    void forget(int fd) const noexcept;

    /// Token::Kind::timer comes every so often; never: 0.
    void set_timer(std::chrono::milliseconds interval);
    /// To be called when it came.
    void clear_timer() const;

    /// Calls `act(token, interest)` for what can be read or written now: was there anything?
    template <typename Act>
    bool look(Act act) const {
        std::array<epoll_event, 32> events;
        const int count =
            ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
        for (int i = 0; i < count; ++i) {
            const auto kind = static_cast<Token::Kind>(events[i].data.u64 >> 32);
            const auto number = static_cast<std::uint32_t>(events[i].data.u64);
            act(Token{kind, number},
                Interest{(events[i].events & ~EPOLLOUT) != 0, (events[i].events & EPOLLOUT) != 0});
        }
        return count > 0;
    }

  private:
    void control(int operation, int fd, Token token, Interest interest) const;

    UniqueFd epoll_, timer_;
    std::chrono::milliseconds interval_{0};
};

}  // namespace ipcrun
