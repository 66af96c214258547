// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/links_wait_any.hpp"

#include <poll.h>
#include <sched.h>

#include <cerrno>
#include <vector>

#include "base/fail.hpp"
#include "runtime/connection/memory_link.hpp"
#include "runtime/connection/socket_link.hpp"
#include "runtime/sources_sleep.hpp"

namespace ipcrun {

namespace {

// As a Waiter yields before it sleeps.
constexpr std::chrono::microseconds yield_time{200};
// How often it is looked whether hosts are still there.
constexpr Seconds look_interval{2.0};
// How often something that had no room in a socket is tried again while memory is waited for, too.
constexpr Seconds retry_interval{0.05};

class AnyWait {
  public:
    AnyWait(std::span<Link* const> links, int tag, std::size_t first)
        : links_(links), tag_(tag), first_(first) {
        for (Link* const link : links) {
            auto* const memory = dynamic_cast<MemoryLink*>(link);
            auto* const socket = dynamic_cast<SocketLink*>(link);
            check(memory != nullptr || socket != nullptr, "a link of an unknown kind");
            memories_.push_back(memory);
            sockets_.push_back(socket);
        }
    }

    // The first that is ready by what is known without a system call.
    std::optional<std::size_t> look() {
        for (std::size_t i = 0; i < links_.size(); ++i) {
            const std::size_t index = (first_ + i) % links_.size();
            SocketLink* const socket = sockets_[index];
            const bool is_ready = socket == nullptr          ? memories_[index]->is_ready(tag_)
                                  : socket->has_read_ahead() ? socket->is_ready(tag_)
                                                             : socket->has_ready(tag_);
            if (is_ready) return index;
        }
        return std::nullopt;
    }

    // Of all that are open: none is closed or lost, or look() would have found it.
    void list() {
        for (std::size_t i = 0; i < links_.size(); ++i) {
            if (sockets_[i] == nullptr) {
                sources_.push_back({&memories_[i]->communicator(), memories_[i]->peer()});
            } else {
                fds_.push_back(sockets_[i]->fd());
                polled_.push_back({fds_.back(), POLLIN, 0});
                polled_sockets_.push_back(sockets_[i]);
            }
        }
    }
    bool has_sockets() const { return !fds_.empty(); }
    bool has_memory() const { return !sources_.empty(); }
    std::span<const Source> sources() const { return sources_; }
    std::span<const int> fds() const { return fds_; }

    // Waits for sockets, and has them take in what has come.
    void poll(Deadline deadline) {
        for (std::size_t i = 0; i < polled_.size(); ++i)
            polled_[i].events =
                static_cast<short>(POLLIN | (polled_sockets_[i]->has_unsent() ? POLLOUT : 0));
        const Deadline until = Deadline::sooner(deadline, next_look_);
        const int ready = ::poll(polled_.data(), polled_.size(), until.remaining_ms());
        if (ready < 0 && errno != EINTR) fail_errno(errno, "wait for several connections");
        const bool is_due = next_look_.has_passed();
        if (is_due) next_look_ = Deadline::after(look_interval);
        for (std::size_t i = 0; i < polled_.size(); ++i) {
            if (ready > 0 && polled_[i].revents != 0) (void)polled_sockets_[i]->is_ready(tag_);
            if (is_due) polled_sockets_[i]->look_for_end();
        }
    }
    bool has_unsent() const {
        for (const SocketLink* const socket : polled_sockets_)
            if (socket->has_unsent()) return true;
        return false;
    }

  private:
    std::span<Link* const> links_;
    int tag_;
    std::size_t first_;
    std::vector<MemoryLink*> memories_;  // by link; null where it is the other
    std::vector<SocketLink*> sockets_;
    std::vector<Source> sources_;
    std::vector<int> fds_;
    std::vector<pollfd> polled_;
    std::vector<SocketLink*> polled_sockets_;
    Deadline next_look_ = Deadline::after(look_interval);
};

}  // namespace

std::optional<std::size_t> wait_any(std::span<Link* const> links, int tag, std::size_t first,
                                    Deadline deadline, const MixedSleep& mixed) {
    if (links.empty() && !deadline.has_passed())
        fail(ErrorCode::usage, "wait for a message: there is no connection to wait for");
    AnyWait any(links, tag, first);
    auto found = any.look();
    if (found || links.empty()) return found;
    any.list();
    const Deadline now = Deadline::after(Seconds(0));
    if (any.has_sockets()) {
        any.poll(any.has_memory() ? now : deadline);
        found = any.look();
        while (!found && !any.has_memory() && !deadline.has_passed()) {
            any.poll(deadline);
            found = any.look();
        }
        if (found || !any.has_memory()) return found;
    }
    const auto yield_until = Clock::now() + yield_time;
    while (!found && !deadline.has_passed() && Clock::now() < yield_until) {
        ::sched_yield();
        found = any.look();
    }
    SourcesSleep sleep(any.sources(), any.has_sockets() ? mixed.doorbell : nullptr);
    while (!found && !deadline.has_passed()) {
        {
            const SourcesSleep::Raised raised(sleep);
            std::shared_ptr<void> watch;
            if (any.has_sockets()) watch = mixed.ring_when_readable(any.fds());
            found = any.look();
            if (found) return found;
            const Seconds slice = any.has_unsent() ? retry_interval : look_interval;
            raised.wait(any.has_sockets() ? Deadline::sooner(deadline, Deadline::after(slice))
                                          : deadline);
        }
        if (any.has_sockets()) any.poll(now);
        found = any.look();
    }
    return found;
}

}  // namespace ipcrun
