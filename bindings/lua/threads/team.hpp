// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The threads of one ipc.map, and what came of each. The state that started them owns it together
/// with them: they go on when that state lets go of it.

#include <pthread.h>

#include <mutex>
#include <optional>

#include "bindings/lua/threads/worker.hpp"

namespace ipcrun::lua {

/// Threads of one map: each is a thread of the system.
constexpr int team_size_max = 1 << 16;

class Team {
  public:
    /// Numbers of threads are from 1 to `size`.
    Team(std::shared_ptr<Household> household, int size);
    Team(const Team&) = delete;

    /// To be filled before the start.
    Assignment& assignment() { return assignment_; }

    /// Starts all threads, with all signals blocked, or none: the function runs once every thread
    /// is there. Throws Error{system}.
    static void start(const std::shared_ptr<Team>& team);

    int size() const { return size_; }
    /// Threads that have not ended. A thread counts until its Lua state is closed and its outcome
    /// is here; then `ended` is rung.
    int running() const { return running_.load(); }
    Bell& ended() { return ended_; }

    /// What follows is for the state that started the threads.

    /// The thread with the lowest, or highest, number among those that ended with an error that
    /// was not yet told; nothing where there is none.
    std::optional<int> first_failed() const;
    std::optional<int> last_failed() const;
    /// That error, until it is forgotten.
    const std::string& error(int id) const { return slot(id).error; }
    void forget_error(int id);
    /// Of the threads that ended, by their numbers. Throws std::bad_alloc.
    std::vector<Item> results() const;
    /// Forgets all outcomes, once no thread runs any more, and waits for the last steps of those
    /// that have ended.
    void clear();
    /// Nobody will ask any more: the threads go on, and their outcomes are dropped. Errors that
    /// were not told go to stderr.
    void abandon();

  private:
    struct Start;
    static void* run(void* start);
    const Outcome& slot(int id) const { return slots_[static_cast<std::size_t>(id - 1)]; }
    void finish(int id, Outcome outcome);
    void open_gate(std::uint32_t gate);
    bool pass_gate();
    void join_started();

    const int size_;
    const std::shared_ptr<Household> household_;
    Assignment assignment_;
    std::vector<pthread_t> started_;       // and neither joined nor detached; the owner's
    std::atomic<std::uint32_t> gate_ = 0;  // closed, opened or cancelled
    std::atomic<int> running_;
    Bell ended_ = {};
    mutable std::mutex mutex_;  // of what follows
    std::vector<Outcome> slots_;
    bool is_abandoned_ = false;
};

}  // namespace ipcrun::lua
