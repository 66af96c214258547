// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/threads/team.hpp"

#include <csignal>
#include <cstdio>
#include <cstring>

#include "base/fail.hpp"
#include "base/futex.hpp"

namespace ipcrun::lua {

namespace {

constexpr std::uint32_t gate_closed = 0;
constexpr std::uint32_t gate_opened = 1;
constexpr std::uint32_t gate_cancelled = 2;
constexpr const char* limit_hint = " (is there a limit on threads, ulimit -u?)";

// Lua allows 200 calls of C in each other, and its parser as many levels: the deepest that was
// found took 550 KiB. Only what is touched takes memory; and below 2 MiB the kernel cannot put a
// huge page there. The frames that sanitizers make are several times as large.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t stack_bytes = 8 << 20;
#else
constexpr std::size_t stack_bytes = 3 << 19;
#endif

// Threads inherit what is blocked when they are created: signals are for the thread that the
// program began with, as before there were others.
class SignalsBlocked {
  public:
    SignalsBlocked() {
        sigset_t all;
        ::sigfillset(&all);
        check(::pthread_sigmask(SIG_SETMASK, &all, &before_) == 0, "block signals");
    }
    SignalsBlocked(const SignalsBlocked&) = delete;
    ~SignalsBlocked() {
        check(::pthread_sigmask(SIG_SETMASK, &before_, nullptr) == 0, "restore signals");
    }

  private:
    sigset_t before_;
};

class ThreadAttributes {
  public:
    ThreadAttributes() {
        check(::pthread_attr_init(&attributes_) == 0, "make the attributes of a thread");
        check(::pthread_attr_setstacksize(&attributes_, stack_bytes) == 0,
              "set the size of a thread's stack");
    }
    ThreadAttributes(const ThreadAttributes&) = delete;
    ~ThreadAttributes() { (void)::pthread_attr_destroy(&attributes_); }  // has nothing to say
    const pthread_attr_t* get() const { return &attributes_; }

  private:
    pthread_attr_t attributes_;
};

// An error that nobody asked for: to stderr, where it is one.
void tell(int id, const Outcome& outcome) {
    if (!outcome.failed || outcome.by_the_end) return;
    const char* text = outcome.error.empty() ? "not enough memory" : outcome.error.c_str();
    const auto line_bytes = static_cast<int>(std::strcspn(text, "\n"));
    std::fprintf(stderr, "ipc.map: thread %d failed, and nobody joined it: %.*s\n", id, line_bytes,
                 text);
}

// Creates a thread that owns `start` from then on; 0, or the number of the error.
template <typename Start>
int create_thread(const pthread_attr_t* attributes, void* (*run)(void*),
                  std::unique_ptr<Start> start, Household& household, pthread_t& thread) {
    household.begin_thread();
    const int error = ::pthread_create(&thread, attributes, run, start.get());
    if (error == 0)
        (void)start.release();
    else
        household.end_thread();
    return error;
}

}  // namespace

struct Team::Start {
    std::shared_ptr<Team> team;
    int id;
};

Team::Team(std::shared_ptr<Household> household, int size)
    : size_(size),
      household_(std::move(household)),
      running_(size),
      slots_(static_cast<std::size_t>(size)) {
    started_.reserve(slots_.size());
}

void Team::start(const std::shared_ptr<Team>& team) {
    team->assignment_.readers = team->size();
    const ThreadAttributes attributes;
    const SignalsBlocked blocked;
    try {
        for (int id = 1; id <= team->size(); ++id) {
            pthread_t thread;
            const int error =
                create_thread(attributes.get(), run, std::make_unique<Start>(Start{team, id}),
                              *team->household_, thread);
            if (error != 0)
                fail_errno(error, fmt::format("ipc.map: start thread {} of {}{}", id, team->size(),
                                              error == EAGAIN ? limit_hint : ""));
            team->started_.push_back(thread);
        }
    } catch (...) {
        team->open_gate(gate_cancelled);
        team->join_started();
        throw;
    }
    team->open_gate(gate_opened);
}

void* Team::run(void* argument) {
    std::unique_ptr<Start> start(static_cast<Start*>(argument));
    const std::shared_ptr<Household> household = start->team->household_;
    if (start->team->pass_gate()) {
        char name[16];
        std::snprintf(name, sizeof name, "ipc.map %d", start->id);
        (void)::pthread_setname_np(::pthread_self(), name);  // for people who look; never too long
        start->team->finish(start->id, run_worker(household, start->team->assignment_, start->id));
    }
    // Before the thread counts as ended: what it lets go of may be the last of its kind.
    start.reset();
    household->end_thread();
    return nullptr;
}

void Team::open_gate(std::uint32_t gate) {
    gate_ = gate;
    futex_wake_all(gate_);
}

bool Team::pass_gate() {
    while (gate_.load() == gate_closed) {
        const FutexWait word{&gate_, gate_closed};
        futex_wait_any({&word, 1}, Deadline::never());
    }
    return gate_.load() == gate_opened;
}

void Team::join_started() {
    for (const pthread_t thread : started_)
        check(::pthread_join(thread, nullptr) == 0, "join a thread");
    started_.clear();
}

void Team::finish(int id, Outcome outcome) {
    bool is_dropped = false;
    {
        const std::lock_guard lock(mutex_);
        is_dropped = is_abandoned_;
        if (!is_dropped) slots_[static_cast<std::size_t>(id - 1)] = std::move(outcome);
    }
    if (is_dropped) tell(id, outcome);
    running_.fetch_sub(1);
    ended_.ring_all();
}

std::optional<int> Team::first_failed() const {
    const std::lock_guard lock(mutex_);
    for (int id = 1; id <= size(); ++id)
        if (slot(id).failed) return id;
    return {};
}

std::optional<int> Team::last_failed() const {
    const std::lock_guard lock(mutex_);
    for (int id = size(); id >= 1; --id)
        if (slot(id).failed) return id;
    return {};
}

void Team::forget_error(int id) {
    const std::lock_guard lock(mutex_);
    slots_[static_cast<std::size_t>(id - 1)] = Outcome();
}

std::vector<Item> Team::results() const {
    const std::lock_guard lock(mutex_);
    std::vector<Item> all;
    for (const Outcome& outcome : slots_)
        all.insert(all.end(), outcome.results.begin(), outcome.results.end());
    return all;
}

void Team::clear() {
    join_started();
    for (Outcome& outcome : slots_) outcome = Outcome();
}

void Team::abandon() {
    for (const pthread_t thread : started_) check(::pthread_detach(thread) == 0, "detach a thread");
    started_.clear();
    // What is dropped may ring bells: not under the lock.
    std::vector<Outcome> left;
    {
        const std::lock_guard lock(mutex_);
        is_abandoned_ = true;
        left.swap(slots_);
    }
    for (std::size_t i = 0; i < left.size(); ++i) tell(static_cast<int>(i) + 1, left[i]);
}

}  // namespace ipcrun::lua
