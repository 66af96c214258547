// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What the Lua states of one program share: the state that it began with and those of the threads
/// that it, or they, started. Owned by all of them together.

#include <sys/types.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/deadline.hpp"
#include "bindings/lua/ipc/handle.hpp"
#include "runtime/children.hpp"
#include "runtime/connection/neighbourhood.hpp"
#include "runtime/job.hpp"
#include "runtime/waiter.hpp"

namespace ipcrun::lua {

/// What threads may wait for that the words of a waiter do not wake.
class EndsWithProgram {
  public:
    /// Who waits for it gets an error, now and from now on. Does not wait. Any thread.
    virtual void begin_end() noexcept = 0;
    /// After that: waits for what has to be waited for.
    virtual void end() noexcept = 0;

  protected:
    ~EndsWithProgram() = default;
};

class Household {
  public:
    Household(std::shared_ptr<Job> job, std::shared_ptr<Heap> heap);
    Household(const Household&) = delete;

    /// May be used for its place and its memory; its world and messages are the first state's.
    const std::shared_ptr<Job>& job() const { return job_; }
    /// Where new tensors live; null: private memory.
    const std::shared_ptr<Heap>& heap() const { return heap_; }
    /// What the processes of the job know and nobody else: that of the job, or, in a child of a
    /// rank, that of its parent's. Any thread.
    std::optional<std::array<std::uint8_t, 32>> secret() const {
        const std::lock_guard lock(secret_mutex_);
        return secret_;
    }
    void take_secret(const ParentProcess& parent) {
        const std::lock_guard lock(secret_mutex_);
        if (!secret_) secret_ = parent.secret();
    }

    /// A waiter for one thread of the household, which the household outlives.
    Waiter make_waiter() { return Waiter(alert_, reports_, false); }
    /// What waits compare with; see Waiter::wait.
    std::uint32_t alert() const { return alert_.load(); }

    /// The state that the program began with is being closed: every wait of the threads ends with
    /// an error, now and from now on.
    void close();
    bool is_closing() const { return is_closing_.load(); }
    /// Lets go of the job and its heap: to be called once no thread is left that may use them.
    void leave_job();

    /// What the connections of all states share; made at the first call. In a child after fork() it
    /// is another one. Any thread.
    std::shared_ptr<Neighbourhood> neighbourhood();
    /// close() ends it, if it is still there. Any thread.
    void end_with_program(const std::shared_ptr<EndsWithProgram>& object);

    /// Threads of the household that run, without the one it began with. `ended` is rung when one
    /// ends.
    int threads() const { return threads_.load(); }
    /// A number for a new state; the one that the program began with has 0.
    unsigned number_state() { return states_.fetch_add(1) + 1; }
    void begin_thread() { threads_.fetch_add(1); }
    void end_thread();
    Bell& ended() { return ended_; }
    /// A state begins to start processes of its own; how many have, ever.
    void begin_family() { families_.fetch_add(1); }
    int families() const { return families_.load(); }
    /// Do more threads than CPUs want to run? Then spinning takes time from those waited for.
    bool is_crowded() const { return threads_.load() + 1 > cpus_; }

    /// The object of this name and type that is in use somewhere; else the one that `make` gives,
    /// and true.
    template <typename Make>
    std::pair<Holder, bool> find_or_make(const std::string& name, Make make) {
        const std::lock_guard lock(names_mutex_);
        if (Holder found = find_locked(name)) return {std::move(found), false};
        if (names_.size() >= names_limit_) forget_unused_names();
        Holder made = make();
        names_[name] = made.object();
        return {std::move(made), true};
    }
    /// The object of this name that is in use somewhere.
    Holder find(const std::string& name) {
        const std::lock_guard lock(names_mutex_);
        return find_locked(name);
    }

  private:
    Holder find_locked(const std::string& name);
    void forget_unused_names() {
        std::erase_if(names_, [](const auto& entry) { return entry.second.expired(); });
        names_limit_ = std::max(names_limit_min, 2 * names_.size());
    }

    static constexpr std::size_t names_limit_min = 64;
    std::shared_ptr<Job> job_;
    std::shared_ptr<Heap> heap_;
    mutable std::mutex secret_mutex_;
    std::optional<std::array<std::uint8_t, 32>> secret_;
    const int cpus_;
    std::atomic<std::uint32_t> alert_ = 0;
    std::atomic<std::uint32_t> reports_ = 0;
    std::atomic<bool> is_closing_ = false;
    std::atomic<int> threads_ = 0;
    std::atomic<int> families_ = 0;
    std::atomic<unsigned> states_ = 0;
    Bell ended_ = {};
    std::mutex names_mutex_;
    std::map<std::string, std::weak_ptr<SharedObject>> names_;
    std::size_t names_limit_ = names_limit_min;  // so many, and those of no object are looked for
    std::mutex connections_mutex_;               // of what follows
    std::shared_ptr<Neighbourhood>
        neighbourhood_;  // shared: with connections, which may outlive us
    pid_t neighbourhood_pid_ = 0;
    std::vector<std::weak_ptr<EndsWithProgram>> ends_;
    std::size_t ends_limit_ = names_limit_min;
};

}  // namespace ipcrun::lua
