// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/loop_thread.hpp"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>

#include "base/fail.hpp"
#include "base/quiet_thread.hpp"

namespace ipcrun {

namespace {

/// A task on the stack of who waits for its end.
class AwaitedTask final : public PostedTask {
  public:
    explicit AwaitedTask(const std::function<void()>& task) : task_(task) {}
    void run() override {
        try {
            task_();
        } catch (...) {
            exception_ = std::current_exception();
        }
        end();
    }
    void drop() noexcept override { end(); }
    void wait() {
        std::unique_lock lock(mutex_);
        ended_.wait(lock, [this] { return has_ended_; });
        if (exception_) std::rethrow_exception(exception_);
    }

  private:
    void end() noexcept {
        // Notified with the lock: who waits takes it, and leaves, only after the last touch of it.
        const std::lock_guard lock(mutex_);
        has_ended_ = true;
        ended_.notify_one();
    }

    const std::function<void()>& task_;
    std::mutex mutex_;
    std::condition_variable ended_;
    bool has_ended_ = false;
    std::exception_ptr exception_;
};

}  // namespace

/// Told to stop when it is posted itself: to end a thread takes no memory.
struct LoopThread::State final : PostedTask {
    EventLoop loop;
    bool is_told_to_stop = false;  // the thread's own

    void run() override { stop(); }
    void drop() noexcept override {}
    void run_loop() {
        while (!is_told_to_stop) {
            try {
                loop.run();
            } catch (const std::exception&) {
                // Callbacks answer for what they do; what still comes out, for lack of memory, is
                // about one connection, and the others go on.
            }
        }
    }
    void stop() {
        is_told_to_stop = true;
        loop.stop();
    }
};

LoopThread::LoopThread() : state_(std::make_shared<State>()) {
    state_->loop.accept_posts();
    try {
        thread_ = start_quiet_thread([state = state_] { state->run_loop(); });
    } catch (const std::system_error& error) {
        fail_errno(error.code().value(),
                   "start a thread (is there a limit on processes, ulimit -u, or on memory?)");
    }
}

LoopThread::~LoopThread() {
    if (is_current()) {
        state_->stop();
        thread_.detach();
        return;
    }
    state_->loop.post(*state_);
    thread_.join();
}

EventLoop& LoopThread::loop() {
    return state_->loop;
}

bool LoopThread::is_current() const {
    return std::this_thread::get_id() == thread_.get_id();
}

void LoopThread::post(std::function<void()> task) {
    state_->loop.post(std::move(task));
}

void LoopThread::post(PostedTask& task) noexcept {
    state_->loop.post(task);
}

void LoopThread::call(const std::function<void()>& task) {
    if (is_current()) return task();
    AwaitedTask awaited(task);
    state_->loop.post(awaited);
    awaited.wait();
}

}  // namespace ipcrun
