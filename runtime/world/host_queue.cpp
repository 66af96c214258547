// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_queue.hpp"

#include <unistd.h>

#include <algorithm>
#include <new>
#include <string>

#include "base/fail.hpp"
#include "base/quiet_thread.hpp"
#include "runtime/communicator.hpp"
#include "runtime/kept_collective.hpp"
#include "runtime/values_mismatch.hpp"

namespace ipcrun {

class HostQueue::Started : public Request::State {
  public:
    Started(HostQueue& queue, const Collective& collective, Deadline deadline, CallSite site)
        : queue_(&queue),
          kept_(collective),
          deadline_(deadline),
          file_(site.file),
          line_(site.line) {}

    bool test() override {
        check_open();
        if (!is_done()) queue_->check_deadlines();
        return is_over();
    }
    bool wait(Deadline deadline) override {
        check_open();
        if (!is_done()) (void)queue_->wait(deadline, [this] { return is_done(); });
        return is_over();
    }

    /// By the thread of the queue.
    void run(HostEngine& engine) {
        try {
            engine.run(kept_.collective(), deadline_, {file_.c_str(), line_});
        } catch (const ValuesMismatch& error) {
            differs_in_values_ = true;
            error_ = error;
        } catch (const Error& error) {
            error_ = error;
        } catch (const std::bad_alloc&) {
            error_.emplace(ErrorCode::system, "an operation: not enough memory");
        }
    }
    /// The engine is free for who sees it: this thread is through with it.
    void finish() { is_done_.store(true); }
    bool is_done() const { return is_done_.load(); }
    Deadline deadline() const { return deadline_; }
    /// The communicator is going: what is not done by now fails for that, however far it gets.
    void close() {
        is_dropped_ = !is_done();
        queue_ = nullptr;
    }

  private:
    void check_open() const {
        if (is_dropped_)
            fail(ErrorCode::usage, "wait for an operation: its communicator is closed");
    }
    bool is_over() const {
        if (!is_done_.load()) return false;
        if (!error_) return true;
        if (differs_in_values_)
            throw ValuesMismatch(error_->code, error_->what(), error_->system_errno, error_->rank);
        throw Error(*error_);
    }

    // Of the caller's thread alone.
    HostQueue* queue_;
    bool is_dropped_ = false;
    KeptCollective kept_;
    Deadline deadline_;
    std::string file_;
    int line_;
    std::optional<Error> error_;  // once it is done
    bool differs_in_values_ = false;
    std::atomic<bool> is_done_ = false;
};

HostQueue::HostQueue(HostEngine& engine)
    : engine_(engine),
      waiter_(engine.group().control().header(), engine.group().waiter().is_crowded()),
      thread_waiter_(engine.group().control().header(), true),
      pid_(::getpid()) {
    waiter_.report_with(engine.group().waiter());
    thread_ = start_quiet_thread([this] { run(); });
}

HostQueue::~HostQueue() {
    for (const auto& started : started_) started->close();
    if (pid_ != ::getpid()) {
        thread_.detach();
        return;
    }
    ends_.store(true);
    if (!is_idle()) engine_.interrupt(ErrorCode::peer_lost);
    work_.ring_all();
    thread_.join();
}

template <typename Condition>
bool HostQueue::wait(Deadline deadline, Condition condition) {
    for (;;) {
        const std::uint32_t alert = engine_.group().alert();
        waiter_.report_if_asked();
        const Deadline sooner = Deadline::sooner(deadline, soonest());
        switch (waiter_.wait(done_, alert, sooner, condition)) {
            case WaitResult::ready:
                return true;
            case WaitResult::timed_out:
                if (condition()) return true;
                if (deadline.has_passed()) return false;
                check_deadlines();
                break;
            case WaitResult::alerted:
                break;
        }
    }
}

Deadline HostQueue::soonest() const {
    Deadline result = Deadline::never();
    if (is_overdue_) return result;
    for (const std::shared_ptr<Started>& one : started_)
        if (!one->is_done()) result = Deadline::sooner(result, one->deadline());
    return result;
}

// The deadline of an operation ends it also while older ones are under way. The oldest sees to its
// own, and can say whom it waited for.
void HostQueue::check_deadlines() {
    if (!soonest().has_passed()) return;
    is_overdue_ = true;
    const auto is_open = [](const std::shared_ptr<Started>& one) { return !one->is_done(); };
    const auto oldest = std::find_if(started_.begin(), started_.end(), is_open);
    if (oldest != started_.end() && !(*oldest)->deadline().has_passed())
        engine_.interrupt(ErrorCode::timeout);
}

Request HostQueue::start(const Collective& collective, Deadline deadline, CallSite site) {
    if (pid_ != ::getpid())
        fail(ErrorCode::usage, "take part in an operation: a child after fork() is no rank");
    if (is_idle()) is_overdue_ = false;
    auto started = std::make_shared<Started>(*this, collective, deadline, site);
    while (!started_.empty() && started_.front()->is_done()) started_.pop_front();
    if (started_.size() >= Communicator::started_max) {
        const std::shared_ptr<Started> oldest = started_.front();
        (void)wait(Deadline::never(), [&] { return oldest->is_done(); });
        started_.pop_front();
    }
    started_.push_back(started);
    {
        const std::lock_guard lock(mutex_);
        line_.push_back(started);
    }
    unfinished_.fetch_add(1);
    added_.fetch_add(1);
    work_.ring_all();
    return Request(std::move(started));
}

// False when there is nothing now.
bool HostQueue::take_next(std::shared_ptr<Started>& next) {
    const std::lock_guard lock(mutex_);
    if (line_.empty()) return false;
    next = std::move(line_.front());
    line_.pop_front();
    return true;
}

void HostQueue::run() {
    for (;;) {
        const std::uint32_t added = added_.load();
        std::shared_ptr<Started> next;
        while (!ends_.load() && take_next(next)) {
            next->run(engine_);
            // First: who has seen all of them done finds the queue idle.
            unfinished_.fetch_sub(1);
            next->finish();
            next.reset();
            done_.ring_all();
        }
        if (ends_.load()) return;
        // Woken by any alert, which is none of its business.
        (void)thread_waiter_.wait(work_, engine_.group().alert(), Deadline::never(),
                                  [&] { return ends_.load() || added_.load() != added; });
    }
}

}  // namespace ipcrun
