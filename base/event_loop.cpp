// SPDX-License-Identifier: Apache-2.0
#include "base/event_loop.hpp"

#include <sys/eventfd.h>

#include <array>
#include <exception>
#include <iterator>

#include "base/fail.hpp"
#include "base/unique_fd.hpp"

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
    // Out of there: the callback may drop its own registration while it runs.
    auto callback = std::exchange(state->callback, nullptr);
    try {
        callback(argument);
    } catch (...) {
        auto* pending = static_cast<Pending*>(handle->loop->data);
        if (!pending->exception) pending->exception = std::current_exception();
        uv_stop(handle->loop);
    }
    // Dropped or not, the state is there until the next turn of the loop.
    if (uv_is_closing(reinterpret_cast<uv_handle_t*>(handle)) == 0)
        state->callback = std::move(callback);
}

template <typename Handle>
auto* create_state(std::function<void()> callback) {
    auto state = std::make_unique<typename Registration<Handle>::State>();
    state->handle.data = state.get();
    state->callback = [callback = std::move(callback)](int) { callback(); };
    return state.release();
}

void start_poll(uv_poll_t* handle, int events);

void poll_ready(uv_poll_t* handle, int status, int) {
    call(handle, status);
    // libuv has ended the watch at an error of the descriptor, such as a peer that closed with
    // something unread. What that had sent before may be there still, and not be read at once.
    const auto* state = static_cast<Registration<uv_poll_t>::State*>(handle->data);
    const bool is_dropped = uv_is_closing(reinterpret_cast<uv_handle_t*>(handle)) != 0;
    if (status < 0 && !is_dropped && !state->paused) start_poll(handle, state->events);
}

void start_poll(uv_poll_t* handle, int events) {
    check_uv(uv_poll_start(handle, events, poll_ready), "watch a descriptor");
}

class OwnTask final : public PostedTask {
  public:
    explicit OwnTask(std::function<void()> function) : function_(std::move(function)) {}
    void run() override {
        const std::unique_ptr<OwnTask> self(this);
        function_();
    }
    void drop() noexcept override { delete this; }

  private:
    std::function<void()> function_;
};

}  // namespace

// libuv aborts the process when there are no descriptors for what it shares among all loops, which
// comes with the first of them. Not by F_DUPFD, which the thread sanitizer does not know: it takes
// such a descriptor for one of a loop that is gone, as it does not see libuv close either.
static void check_descriptors_left() {
    constexpr int loop_descriptors = 6;
    std::array<UniqueFd, loop_descriptors> reserved;
    for (UniqueFd& each : reserved)
        each.reset(check_syscall(::eventfd(0, EFD_CLOEXEC), "create an event loop"));
}

EventLoop::EventLoop() {
    check_descriptors_left();
    auto pending = std::make_unique<Pending>();
    check_uv(uv_loop_init(&loop_), "create an event loop");
    loop_.data = pending.release();
}

EventLoop::~EventLoop() {
    for (PostedTask* task = take_posted(); task != nullptr;)
        std::exchange(task, task->next_)->drop();
    wake_up_.reset();
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

FdWatch EventLoop::on_hang_up(int fd, std::function<void()> callback) {
    return watch(fd, UV_DISCONNECT, std::move(callback));
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

void EventLoop::accept_posts() {
    auto* state = create_state<uv_async_t>([this] { run_posted(); });
    const int result =
        uv_async_init(&loop_, &state->handle, [](uv_async_t* handle) { call(handle, 0); });
    if (result < 0) {
        delete state;
        fail_errno(-result, "let threads wake an event loop");
    }
    wake_up_ = Registration<uv_async_t>(state);
}

void EventLoop::post(std::function<void()> task) {
    post(*std::make_unique<OwnTask>(std::move(task)).release());
}

void EventLoop::post(PostedTask& task) noexcept {
    const std::lock_guard lock(mutex_);
    task.next_ = nullptr;
    *posted_end_ = &task;
    posted_end_ = &task.next_;
    // With the lock: once the task has run, the loop may end.
    check(uv_async_send(&wake_up_.state()->handle) == 0, "a loop that cannot be woken");
}

PostedTask* EventLoop::take_posted() noexcept {
    const std::lock_guard lock(mutex_);
    posted_end_ = &posted_;
    return std::exchange(posted_, nullptr);
}

// A task that fails leaves the others for the next turn.
void EventLoop::run_posted() {
    PostedTask* left = take_posted();
    while (left != nullptr) {
        PostedTask& task = *std::exchange(left, left->next_);
        try {
            task.run();
        } catch (...) {
            if (left == nullptr) throw;
            PostedTask** end = &left;
            while (*end != nullptr) end = &(*end)->next_;
            const std::lock_guard lock(mutex_);
            if (posted_ == nullptr) posted_end_ = end;
            *end = posted_;
            posted_ = left;
            (void)uv_async_send(&wake_up_.state()->handle);  // a loop that is ours: never fails
            throw;
        }
    }
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
