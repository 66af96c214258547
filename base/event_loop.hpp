// SPDX-License-Identifier: Apache-2.0
#pragma once
/// One thread that waits for descriptors, timers and signals: libuv with owners.
/// Everything here belongs to the thread that runs the loop.

#include <uv.h>

#include <chrono>
#include <functional>
#include <memory>
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

class EventLoop {
  public:
    EventLoop();
    EventLoop(const EventLoop&) = delete;
    ~EventLoop();

    /// Calls `callback` whenever `fd` is readable or at its end. Regular files cannot be watched.
    FdWatch on_readable(int fd, std::function<void()> callback);
    /// Calls `callback` whenever `fd` is writable or broken.
    FdWatch on_writable(int fd, std::function<void()> callback);
    /// Stops and resumes a watch without ending it.
    void pause(FdWatch& watch);
    void resume(FdWatch& watch);
    /// Changes what a watch waits for: one of the two at least. A descriptor has one watch only.
    void set_interest(FdWatch& watch, bool readable, bool writable);

    /// Calls `callback` once, `delay` from now.
    Timer after(std::chrono::milliseconds delay, std::function<void()> callback);

    /// Calls `callback` in the loop, not in the handler, for every delivery of the signal.
    SignalWatch on_signal(int signal_number, std::function<void()> callback);

    /// Runs until `stop`, or until nothing is registered. An exception of a callback stops the loop
    /// and comes out here.
    void run();
    void stop();

  private:
    FdWatch watch(int fd, int events, std::function<void()> callback);
    uv_loop_t loop_;
};

}  // namespace ipcrun
