// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/net_watch.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <exception>
#include <optional>
#include <utility>

#include "base/fail.hpp"
#include "base/futex.hpp"
#include "base/quiet_thread.hpp"

namespace ipcrun {

namespace {

// Who looks does so again within microseconds, unless it has lost its CPU.
constexpr Seconds look_time{0.0001};
// Operations come and go. Who has looked in the last moment will look in the next, it seems.
constexpr Seconds rest_time{0.001};

UniqueFd create_event(const char* what) {
    return UniqueFd(check_syscall(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), what));
}

}  // namespace

NetSleepers::NetSleepers() : bell(), alarm_(create_event("create an alarm")) {}

void NetSleepers::wake_attendant() const {
    if (has_attendant()) (void)::eventfd_write(alarm_.get(), 1);  // full only when it is readable
}

void NetSleepers::sleep(int streams, Deadline deadline) const {
    pollfd fds[] = {{streams, POLLIN, 0}, {alarm_.get(), POLLIN, 0}};
    std::optional<timespec> time;
    if (const auto left = deadline.remaining()) {
        const auto seconds = std::chrono::floor<std::chrono::seconds>(*left);
        time = {static_cast<time_t>(seconds.count()),
                static_cast<long>(std::chrono::nanoseconds(*left - seconds).count())};
    }
    // Interrupted by a signal: the caller looks again.
    (void)::ppoll(fds, 2, time ? &*time : nullptr, nullptr);
    eventfd_t count;
    if (fds[1].revents != 0) (void)::eventfd_read(alarm_.get(), &count);
}

NetWatch::NetWatch(std::shared_ptr<RemotePeers> peers, std::shared_ptr<NetSleepers> sleepers,
                   std::shared_ptr<NodeMemory> memory)
    : peers_(std::move(peers)),
      sleepers_(std::move(sleepers)),
      memory_(std::move(memory)),
      alert_(memory_->control().header().alert),
      alert_told_(alert_.load()),
      called_(create_event("create an event")),
      pid_(::getpid()) {
    thread_ = start_quiet_thread([this] { run(); });
}

NetWatch::~NetWatch() {
    if (pid_ != ::getpid()) {
        thread_.detach();
        return;
    }
    ends_.store(true);
    call();
    thread_.join();
}

void NetWatch::wake() {
    futex_wake(calls_, 1);
    (void)::eventfd_write(called_.get(), 1);  // cannot fail: the count is far from its limit
}

// Those at the bell, and a thread that has gone to sleep, rely on being told.
void NetWatch::leave() {
    sleepers_->leave();
    if (is_asleep_.load() || sleepers_->bell.sleepers.load() != 0) call();
}

// Somebody relies on the streams being looked at, while nobody sleeps there.
bool NetWatch::is_needed() const {
    return !sleepers_->has_attendant() &&
           (sleepers_->bell.sleepers.load() != 0 || peers_->expects_work());
}

bool NetWatch::progress() {
    try {
        return peers_->progress();
    } catch (const std::exception&) {
        return false;  // There is no memory: whoever waits meets that, too, and can say so.
    }
}

void NetWatch::run() {
    pollfd fds[] = {{called_.get(), POLLIN, 0}, {peers_->fd(), POLLIN, 0}};
    while (!ends_.load()) {
        const std::uint32_t calls = calls_.load();
        const std::uint64_t looks = looks_.load();
        if (sleepers_->has_attendant()) {
            rest(calls);
            continue;
        }
        if (::poll(fds, 2, -1) < 0) continue;  // interrupted: by a debugger, say
        eventfd_t count;
        if (fds[0].revents != 0)
            (void)::eventfd_read(called_.get(), &count);
        else if (looks_.load() != looks && calls_.load() == calls)
            rest(calls);
        // Nothing moves while somebody else is at it, who may have lost its CPU to this thread.
        else if (!progress())
            rest(calls);
    }
}

void NetWatch::tell_of_alert() {
    const std::uint32_t alert = alert_.load();
    if (alert == alert_told_) return;
    alert_told_ = alert;
    sleepers_->wake_attendant();
}

// For a moment, and for as long as others look. `calls`: those that have been heard.
void NetWatch::rest(std::uint32_t calls) {
    is_resting_.store(true);
    std::uint64_t looks = looks_.load(), looks_before;
    do {
        tell_of_alert();
        if (ends_.load()) break;
        const Deadline end = is_asleep_.load() && sleepers_->has_attendant()
                                 ? Deadline::never()
                                 : Deadline::after(is_needed() ? look_time : rest_time);
        futex_wait_either(alert_, alert_told_, calls_, calls, end);
        is_asleep_.store(false);
        looks_before = std::exchange(looks, looks_.load());
        // An attendant that has not moved since sleeps at the streams. One that has left by now has
        // not been told to call.
        is_asleep_.store(looks == looks_before && sleepers_->has_attendant());
    } while (calls_.load() == calls && (sleepers_->has_attendant() || looks != looks_before));
    is_asleep_.store(false);
    is_resting_.store(false);
}

}  // namespace ipcrun
