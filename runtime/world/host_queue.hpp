// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Started operations of a communicator over hosts: a thread runs them in order, while the program
/// does something else.

#include <sys/types.h>

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "runtime/request.hpp"
#include "runtime/wire/bell.hpp"
#include "runtime/world/host_engine.hpp"

namespace ipcrun {

/// Used by the thread that uses the communicator. While it is not idle the engine is its own.
class HostQueue {
  public:
    /// The engine outlives it.
    explicit HostQueue(HostEngine& engine);
    HostQueue(const HostQueue&) = delete;
    /// Gives up what is under way. In a child after fork() there is no thread, and nothing to do.
    ~HostQueue();

    /// Waits for the oldest when there are many.
    Request start(const Collective& collective, Deadline deadline, CallSite site);
    bool is_idle() const { return unfinished_.load() == 0; }

  private:
    class Started;

    void run();
    bool take_next(std::shared_ptr<Started>& next);
    template <typename Condition>
    bool wait(Deadline deadline, Condition condition);
    Deadline soonest() const;
    void check_deadlines();

    HostEngine& engine_;
    std::atomic<std::uint32_t> unfinished_ = 0;
    std::atomic<std::uint32_t> added_ = 0;  // ever
    std::atomic<bool> ends_ = false;
    Bell work_ = {}, done_ = {};
    Waiter waiter_;         // of who waits for the thread
    Waiter thread_waiter_;  // of the thread, while it is idle
    std::mutex mutex_;
    std::deque<std::shared_ptr<Started>> line_;     // not begun; shared: with requests
    std::deque<std::shared_ptr<Started>> started_;  // not seen to be done, for the caller's thread
    bool is_overdue_ = false;                       // so that all of it ends
    pid_t pid_;
    std::thread thread_;
};

}  // namespace ipcrun
