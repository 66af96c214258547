// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/wait_set.hpp"

#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <bit>

#include "base/fail.hpp"
#include "base/futex.hpp"
#include "runtime/connection/connection_impl.hpp"
#include "runtime/connection/socket_link.hpp"

namespace ipcrun {

namespace {

// As a Waiter yields before it sleeps.
constexpr std::chrono::microseconds yield_time{200};
// Of no connection.
constexpr std::uint64_t wake_up_number = 0;

void add_to_set(int set, int fd, std::uint32_t events, std::uint64_t number) {
    epoll_event event{};
    event.events = events | EPOLLET;
    event.data.u64 = number;
    check_syscall(::epoll_ctl(set, EPOLL_CTL_ADD, fd, &event), "wait for several sockets");
}

}  // namespace

WaitSet::WaitSet(Neighbourhood::Impl& neighbourhood)
    : neighbourhood_(neighbourhood),
      sockets_(check_syscall(::epoll_create1(EPOLL_CLOEXEC), "wait for several sockets")),
      wake_up_(
          check_syscall(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "wait for several sockets")) {
    add_to_set(sockets_.get(), wake_up_.get(), EPOLLIN, wake_up_number);
}

WaitSet::~WaitSet() {
    if (ringer_) neighbourhood_.thread().call([this] { ringer_.reset(); });
}

// ---- what is in it

void WaitSet::add(const std::shared_ptr<Connection>& connection) {
    Connection::Impl& impl = connection->impl();
    auto* const socket = dynamic_cast<SocketLink*>(impl.parts.link.get());
    std::unique_lock lock(mutex_);
    const std::uint64_t number = ++last_number_;
    std::list<Entry> made{{number, connection}};
    entries_[number] = made.begin();
    idle_.splice(idle_.end(), made);
    Entry& entry = idle_.back();
    impl.wait_set = shared_from_this();
    impl.wait_number = number;
    if (socket != nullptr) {
        // It is told at once that it can be written to, which has it looked at.
        add_to_set(sockets_.get(), socket->fd(), EPOLLIN | EPOLLOUT | EPOLLRDHUP, number);
        entry.fd = socket->fd();
        ++socket_count_;
    } else {
        entry.mark = *impl.parts.place;
        number_by_mark_[entry.mark] = number;
        own_marks_[(entry.mark - 1) / 64] |= std::uint64_t(1) << (entry.mark - 1) % 64;
    }
    queue(number);
}

void WaitSet::remove(std::uint64_t number) noexcept {
    const std::lock_guard lock(mutex_);
    const auto place = entries_.find(number);
    if (place == entries_.end()) return;
    const Entry& entry = *place->second;
    if (entry.fd >= 0) {
        // A copy of the descriptor that a child has after fork() would keep it in the set.
        (void)::epoll_ctl(sockets_.get(), EPOLL_CTL_DEL, entry.fd, nullptr);
        --socket_count_;
    } else if (entry.mark != 0) {
        own_marks_[(entry.mark - 1) / 64] &= ~(std::uint64_t(1) << (entry.mark - 1) % 64);
        number_by_mark_.erase(entry.mark);
    }
    (entry.is_queued ? queue_ : idle_).erase(place->second);
    entries_.erase(place);
}

// ---- news

std::uint64_t WaitSet::news() const {
    const std::lock_guard lock(mutex_);
    return news_;
}

void WaitSet::tell_news() noexcept {
    const std::lock_guard lock(mutex_);
    ++news_;
    has_news_.notify_all();
    wake();
}

bool WaitSet::wait_for_news(std::uint64_t seen, Deadline deadline) {
    std::unique_lock lock(mutex_);
    const auto has_news = [&] { return news_ != seen; };
    if (!deadline.is_never()) return has_news_.wait_for(lock, *deadline.remaining(), has_news);
    has_news_.wait(lock, has_news);
    return true;
}

// With the lock.
void WaitSet::wake() noexcept {
    ++wakes_;
    if (!is_waited_for_) return;
    // Fails only when the number is as high as can be: then it is told already.
    const std::uint64_t one = 1;
    (void)!::write(wake_up_.get(), &one, sizeof one);
    neighbourhood_.ring();
}

// ---- who may have something

// With the lock.
void WaitSet::queue(std::uint64_t number) noexcept {
    const auto place = entries_.find(number);
    if (place == entries_.end() || std::exchange(place->second->is_queued, true)) return;
    queue_.splice(queue_.end(), idle_, place->second);
}

void WaitSet::look_again(std::uint64_t number) noexcept {
    const std::lock_guard lock(mutex_);
    queue(number);
    wake();
}

// Asks the kernel, which may be waited for, and the doorbell.
void WaitSet::collect(Deadline sockets_until) {
    std::array<epoll_event, 64> events;
    int count = 0;
    do {
        count = ::epoll_wait(sockets_.get(), events.data(), static_cast<int>(events.size()),
                             sockets_until.remaining_ms());
        if (count < 0 && errno != EINTR) fail_errno(errno, "wait for several connections");
        const std::lock_guard lock(mutex_);
        for (int i = 0; i < count; ++i) queue(events[i].data.u64);
        sockets_until = Deadline::after(Seconds(0));
    } while (count == static_cast<int>(events.size()));
    collect_marks();
}

bool WaitSet::has_marks() const {
    const auto& marks = neighbourhood_.doorbell()->marks();
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < marks.size(); ++i)
        if ((marks[i].load() & own_marks_[i]) != 0) return true;
    return false;
}

// Those of other servers of this process are left to them.
void WaitSet::collect_marks() {
    auto& marks = neighbourhood_.doorbell()->marks();
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < marks.size(); ++i) {
        if ((marks[i].load() & own_marks_[i]) == 0) continue;
        auto found = marks[i].fetch_and(~own_marks_[i]) & own_marks_[i];
        for (; found != 0; found &= found - 1) {
            const auto bit = static_cast<std::size_t>(std::countr_zero(found));
            queue(number_by_mark_.at(static_cast<std::uint32_t>(i * 64 + bit + 1)));
        }
    }
}

// The next of the queue; null for one that is about to go, or when there is none any more.
std::shared_ptr<Connection> WaitSet::take_turn() {
    const std::lock_guard lock(mutex_);
    if (queue_.empty()) return nullptr;
    Entry& entry = queue_.front();
    entry.is_queued = false;
    idle_.splice(idle_.end(), queue_, queue_.begin());
    return entry.connection.lock();
}

WaitSet::Connections WaitSet::look(const Wanted& wanted, bool all) {
    Connections ready;
    std::unique_lock lock(mutex_);
    std::size_t left = queue_.size();
    lock.unlock();
    // One that goes meanwhile leaves the queue: then the last turns come twice.
    for (; left > 0 && (all || ready.empty()); --left) {
        auto connection = take_turn();
        if (connection == nullptr) continue;
        const bool is_wanted = wanted(*connection);
        if (is_wanted && !connection->impl().has_message()) continue;
        // There may be more of them.
        lock.lock();
        queue(connection->impl().wait_number);
        lock.unlock();
        if (is_wanted) ready.push_back(std::move(connection));
    }
    return ready;
}

// ---- waiting

WaitSet::Connections WaitSet::wait(const Wanted& wanted, bool all, std::uint64_t seen,
                                   Deadline deadline) {
    if (is_waited_for_.exchange(true))
        fail(ErrorCode::usage,
             "wait for a message: another thread waits for messages of this server: one at a time "
             "may do so");
    struct Turn {
        std::atomic<bool>& is_waited_for;
        ~Turn() { is_waited_for = false; }
    } turn{is_waited_for_};
    for (;;) {
        const std::uint64_t wakes_seen = wakes();
        collect(Deadline::after(Seconds(0)));
        auto ready = look(wanted, all);
        if (!ready.empty() || news() != seen || deadline.has_passed()) return ready;
        sleep(wakes_seen, deadline);
    }
}

// Who marks the doorbell does so soon, often.
void WaitSet::yield(Deadline deadline) const {
    const auto until = Clock::now() + yield_time;
    while (!has_marks() && !deadline.has_passed() && Clock::now() < until) ::sched_yield();
}

std::uint64_t WaitSet::wakes() const {
    const std::lock_guard lock(mutex_);
    return wakes_;
}

// Until somebody is to be looked at, or there is news; or for no reason.
void WaitSet::sleep(std::uint64_t wakes_seen, Deadline deadline) {
    std::size_t sockets = 0;
    bool has_memory = false;
    {
        const std::lock_guard lock(mutex_);
        sockets = socket_count_;
        has_memory = !number_by_mark_.empty();
    }
    // What others have queued since then was written to wake_up_, too.
    if (!has_memory) return collect(deadline);
    yield(deadline);
    Bell& bell = neighbourhood_.doorbell()->bell();
    const FutexWait word{&bell.generation, bell.generation.load()};
    bell.sleepers.fetch_add(1);
    struct Raised {
        Bell& bell;
        ~Raised() { bell.sleepers.fetch_sub(1); }
    } raised{bell};
    if (sockets != 0) ring_when_readable();
    if (!has_marks() && wakes() == wakes_seen) futex_wait_any({&word, 1}, deadline);
}

// In the thread.
void WaitSet::set_ringer() {
    EventLoop& loop = neighbourhood_.thread().loop();
    if (ringer_) return loop.resume(ringer_);
    ringer_ = loop.on_readable(sockets_.get(), [this, &loop] {
        loop.pause(ringer_);
        is_ringer_set_ = false;
        neighbourhood_.ring();
    });
}

// The thread rings the doorbell once when a socket of the set has something.
void WaitSet::ring_when_readable() {
    if (is_ringer_set_.exchange(true)) return;
    try {
        neighbourhood_.thread().call([this] { set_ringer(); });
    } catch (...) {
        is_ringer_set_ = false;
        throw;
    }
}

}  // namespace ipcrun
