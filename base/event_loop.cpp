// SPDX-License-Identifier: Apache-2.0
#include "base/event_loop.hpp"

#include <exception>

#include "base/fail.hpp"

namespace ipcrun {

namespace {

void check_uv(int result, std::string_view attempt) {
    if (result < 0) fail_errno(-result, attempt);
}

// The loop's `data` carries the first exception of a callback past libuv's C frames.
struct Pending {
    std::exception_ptr exception;
};

template <typename Handle>
void call(Handle* handle, int argument) {
    auto* state = static_cast<typename Registration<Handle>::State*>(handle->data);
    if (!state->callback) return;
    // A copy: the callback may drop its own registration while it runs.
    const auto callback = state->callback;
    try {
        callback(argument);
    } catch (...) {
        auto* pending = static_cast<Pending*>(handle->loop->data);
        if (!pending->exception) pending->exception = std::current_exception();
        uv_stop(handle->loop);
    }
}

template <typename Handle>
auto* create_state(std::function<void()> callback) {
    auto* state = new typename Registration<Handle>::State();
    state->handle.data = state;
    state->callback = [callback = std::move(callback)](int) { callback(); };
    return state;
}

void start_poll(uv_poll_t* handle, int events) {
    check_uv(uv_poll_start(handle, events,
                           [](uv_poll_t* ready, int status, int) { call(ready, status); }),
             "watch a descriptor");
}

}  // namespace

EventLoop::EventLoop() {
    check_uv(uv_loop_init(&loop_), "create an event loop");
    loop_.data = new Pending();
}

EventLoop::~EventLoop() {
    // Registrations dropped before us still want their turn to be closed; one more after a stop()
    // that no run() has seen, and one for a signal that is on its way.
    for (int turn = 0; turn < 3; ++turn) (void)uv_run(&loop_, UV_RUN_NOWAIT);
    delete static_cast<Pending*>(loop_.data);
    check(uv_loop_close(&loop_) == 0, "an event loop ended before its registrations");
}

FdWatch EventLoop::watch(int fd, int events, std::function<void()> callback) {
    auto* state = create_state<uv_poll_t>(std::move(callback));
    const int result = uv_poll_init(&loop_, &state->handle, fd);
    if (result < 0) {
        delete state;
        fail_errno(-result, "watch a descriptor");
    }
    FdWatch registration(state);
    state->events = events;
    start_poll(&state->handle, events);
    return registration;
}

FdWatch EventLoop::on_readable(int fd, std::function<void()> callback) {
    return watch(fd, UV_READABLE | UV_DISCONNECT, std::move(callback));
}

FdWatch EventLoop::on_writable(int fd, std::function<void()> callback) {
    return watch(fd, UV_WRITABLE, std::move(callback));
}

void EventLoop::pause(FdWatch& watch) {
    if (!watch || watch.state()->paused) return;
    watch.state()->paused = true;
    check_uv(uv_poll_stop(&watch.state()->handle), "pause a watch");
}

void EventLoop::resume(FdWatch& watch) {
    if (!watch || !watch.state()->paused) return;
    watch.state()->paused = false;
    start_poll(&watch.state()->handle, watch.state()->events);
}

void EventLoop::set_interest(FdWatch& watch, bool readable, bool writable) {
    const int events = (readable ? UV_READABLE | UV_DISCONNECT : 0) | (writable ? UV_WRITABLE : 0);
    if (!watch || watch.state()->events == events) return;
    watch.state()->events = events;
    if (!watch.state()->paused) start_poll(&watch.state()->handle, events);
}

Timer EventLoop::after(std::chrono::milliseconds delay, std::function<void()> callback) {
    auto* state = create_state<uv_timer_t>(std::move(callback));
    check_uv(uv_timer_init(&loop_, &state->handle), "create a timer");
    Timer registration(state);
    uv_update_time(&loop_);
    check_uv(uv_timer_start(
                 &state->handle, [](uv_timer_t* timer) { call(timer, 0); },
                 static_cast<std::uint64_t>(delay.count()), 0),
             "start a timer");
    return registration;
}

SignalWatch EventLoop::on_signal(int signal_number, std::function<void()> callback) {
    auto* state = create_state<uv_signal_t>(std::move(callback));
    check_uv(uv_signal_init(&loop_, &state->handle), "prepare for a signal");
    SignalWatch registration(state);
    check_uv(uv_signal_start(
                 &state->handle, [](uv_signal_t* signal, int number) { call(signal, number); },
                 signal_number),
             "watch a signal");
    return registration;
}

void EventLoop::run() {
    (void)uv_run(&loop_, UV_RUN_DEFAULT);
    auto* pending = static_cast<Pending*>(loop_.data);
    if (pending->exception) std::rethrow_exception(std::exchange(pending->exception, nullptr));
}

void EventLoop::stop() {
    uv_stop(&loop_);
}

}  // namespace ipcrun
