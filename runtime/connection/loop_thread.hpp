// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A thread that runs an event loop for as long as this object lives. It meets no signals: those
/// are for the program's own threads.

#include <functional>
#include <memory>
#include <thread>

#include "base/event_loop.hpp"

namespace ipcrun {

class LoopThread {
  public:
    /// Throws Error{system} when there can be no more threads or descriptors.
    LoopThread();
    LoopThread(const LoopThread&) = delete;
    /// Ends the thread and waits for that; in the thread itself, lets it end as soon as it is back
    /// in the loop. All registrations must be gone.
    ~LoopThread();

    /// For the thread itself.
    EventLoop& loop();
    bool is_current() const;

    /// Has `task` run in the thread, soon, after what was posted before. What it throws is lost.
    void post(std::function<void()> task);
    /// The same, without memory of ours; see PostedTask.
    void post(PostedTask& task) noexcept;
    /// Runs `task` in the thread and waits for its end; throws what it throws, and takes no memory
    /// itself. In the thread: at once.
    void call(const std::function<void()>& task);

  private:
    struct State;
    // Also the thread's, which may have to outlive this object by one turn of the loop.
    std::shared_ptr<State> state_;
    std::thread thread_;
};

}  // namespace ipcrun
