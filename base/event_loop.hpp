// SPDX-License-Identifier: Apache-2.0
#pragma once
/// One thread that waits for descriptors, timers and signals: libuv with owners.
/// Everything here belongs to the thread that runs the loop, but for post().

#include <uv.h>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace ipcrun {

/// A registration with the loop; dropping it ends it: its callback is not called again.
template <typename Handle>
class Registration {
  public:
    Registration() = default;
    Registration(Registration&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    Registration& operator=(Registration&& other) noexcept {
        if (this != &other) {
            reset();
            state_ = std::exchange(other.state_, nullptr);
        }
        return *this;
    }
    ~Registration() { reset(); }
    explicit operator bool() const { return state_ != nullptr; }

    void reset() {
        if (state_ == nullptr) return;
        // libuv owns the memory until it has closed the handle, one turn of the loop later.
        uv_close(reinterpret_cast<uv_handle_t*>(&state_->handle),
                 [](uv_handle_t* handle) { delete static_cast<State*>(handle->data); });
        std::exchange(state_, nullptr)->callback = nullptr;
    }

    struct State {
        Handle handle;
        std::function<void(int)> callback;
        int events = 0;  ///< of a descriptor: what it is watched for
        bool paused = false;
    };

    State* state() const { return state_; }

  private:
    friend class EventLoop;
    explicit Registration(State* state) : state_(state) {}
    State* state_ = nullptr;
};

using FdWatch = Registration<uv_poll_t>;
using Timer = Registration<uv_timer_t>;
using SignalWatch = Registration<uv_signal_t>;

/// What other threads want done in the loop, in memory of theirs: so it can be posted where there
/// is no more. It lies still until the loop has called one of the two, once, and touches it no
/// more.
class PostedTask {
  public:
    /// In the loop.
    virtual void run() = 0;
    /// Instead, when the loop has ended before.
    virtual void drop() noexcept = 0;

  protected:
    ~PostedTask() = default;

  private:
    friend class EventLoop;
    PostedTask* next_ = nullptr;
};

class EventLoop {
  public:
    EventLoop();
    EventLoop(const EventLoop&) = delete;
    ~EventLoop();

    /// Calls `callback` whenever `fd` is readable or at its end. Regular files cannot be watched.
    FdWatch on_readable(int fd, std::function<void()> callback);
    /// Calls `callback` whenever `fd` is writable or broken.
    FdWatch on_writable(int fd, std::function<void()> callback);
    /// Calls `callback` whenever the peer of the socket `fd` has closed, or shut down what it
    /// sends; what it had sent before may still be there.
    FdWatch on_hang_up(int fd, std::function<void()> callback);
    /// Stops and resumes a watch without ending it.
    void pause(FdWatch& watch);
    void resume(FdWatch& watch);
    /// Changes what a watch waits for: one of the two at least. A descriptor has one watch only.
    void set_interest(FdWatch& watch, bool readable, bool writable);

    /// Calls `callback` once, `delay` from now.
    Timer after(std::chrono::milliseconds delay, std::function<void()> callback);

    /// Calls `callback` in the loop, not in the handler, for every delivery of the signal.
    SignalWatch on_signal(int signal_number, std::function<void()> callback);

    /// Lets other threads post(): from now on run() goes on until stop(), whatever is registered.
    /// To be called before they know of the loop.
    void accept_posts();
    /// Calls `task` once in the loop, after those that were posted before. Any thread, as long as
    /// the loop lives; what is posted and never run is dropped with it.
    void post(std::function<void()> task);
    /// The same for a task that is somebody's; takes no memory.
    void post(PostedTask& task) noexcept;

    /// Runs until `stop`, or until nothing is registered. An exception of a callback stops the loop
    /// and comes out here.
    void run();
    void stop();

  private:
    FdWatch watch(int fd, int events, std::function<void()> callback);
    void run_posted();
    PostedTask* take_posted() noexcept;

    uv_loop_t loop_;
    Registration<uv_async_t> wake_up_;
    std::mutex mutex_;  // guards what follows: a row of tasks, and where the next one is named
    PostedTask* posted_ = nullptr;
    PostedTask** posted_end_ = &posted_;
};

}  // namespace ipcrun
