// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/net_watch.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <exception>
#include <optional>

#include "base/fail.hpp"
#include "base/futex.hpp"
#include "base/quiet_thread.hpp"

namespace ipcrun {

namespace {

// Who looks does so again within microseconds, unless it has lost its CPU.
constexpr std::chrono::microseconds look_time{100};
// Attendants come and go as their operations do. One that stays for so long will be a while.
constexpr Seconds visit_time{0.001};

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

void NetWatch::call() {
    calls_.fetch_add(1);
    futex_wake(calls_, 1);
    (void)::eventfd_write(called_.get(), 1);  // cannot fail: the count is far from its limit
}

// Those at the bell, and a thread that has gone to sleep, rely on being told.
void NetWatch::leave() {
    visits_.fetch_add(1);
    sleepers_->leave();
    if (is_asleep_.load() || sleepers_->bell.sleepers.load() != 0) call();
}

bool NetWatch::is_looked_after() const {
    return Clock::now() - last_look_.load(std::memory_order_relaxed) < look_time;
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
        if (sleepers_->has_attendant()) {
            rest();
            continue;
        }
        if (::poll(fds, 2, -1) < 0) continue;  // interrupted: by a debugger, say
        eventfd_t count;
        if (fds[0].revents != 0) (void)::eventfd_read(called_.get(), &count);
        // Nothing moves while somebody else is at it, who may have lost its CPU to this thread.
        else if (is_looked_after() || !progress())
            rest();
    }
}

void NetWatch::tell_of_alert() {
    const std::uint32_t alert = alert_.load();
    if (alert == alert_told_) return;
    alert_told_ = alert;
    sleepers_->wake_attendant();
}

// For a moment, or for as long as one attendant stays.
void NetWatch::rest() {
    is_resting_.store(true);
    const std::uint32_t calls = calls_.load();
    std::optional<std::uint64_t> visit;
    do {
        Deadline end = Deadline::after(look_time);
        tell_of_alert();
        if (ends_.load()) break;
        if (sleepers_->has_attendant()) {
            const std::uint64_t now = visits_.load();
            is_asleep_.store(visit == now);
            visit = now;
            // One that has left by now has not been told to call.
            end = is_asleep_.load() && sleepers_->has_attendant() ? Deadline::never()
                                                                  : Deadline::after(visit_time);
        }
        futex_wait_either(alert_, alert_told_, calls_, calls, end);
        is_asleep_.store(false);
    } while (calls_.load() == calls && sleepers_->has_attendant());
    is_resting_.store(false);
}

}  // namespace ipcrun
