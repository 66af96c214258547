// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The agents of several nodes in one process: each in a thread with a loop of its own.

#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

#include "base/fail.hpp"
#include "base/stream_socket.hpp"
#include "launcher/step/agents.hpp"
#include "runtime/stream/dial.hpp"
#include "tests/step/steps.hpp"

namespace ipcrun::testing {

constexpr Seconds patience{60.0};

/// Cards with addresses at which somebody listens.
struct Step {
    explicit Step(const std::vector<int>& nodes) {
        std::vector<Card> cards = cards_on(nodes);
        const StepSeats layout = seats_of(cards);
        for (const StepNode& node : layout.nodes) {
            listeners.push_back(listen_at({.host = "127.0.0.1"}));
            cards[static_cast<std::size_t>(node.leader())].agent_address =
                format_address(own_address(listeners.back().get()));
        }
        seats = seats_of(cards);
    }
    StepSeats seats;
    std::vector<UniqueFd> listeners;  // by node, until its agent takes it
};

class AgentThread {
  public:
    AgentThread(Step& step, int node, Seconds time = patience)
        : thread_([this, &seats = step.seats, node, time,
                   listener = std::move(step.listeners[static_cast<std::size_t>(node)])]() mutable {
              run(seats, node, std::move(listener), Deadline::after(time));
          }) {
        started_.get_future().wait();
    }
    ~AgentThread() { stop(); }
    AgentThread(const AgentThread&) = delete;

    /// It goes, with all its connections, when all that it has said has left.
    void stop() {
        if (!thread_.joinable()) return;
        post([this](StepAgents& agents) {
            agents.flush();
            is_stopped_ = true;
            loop_->stop();
        });
        thread_.join();
    }

    /// Waits until it is ready.
    std::vector<int> tree() {
        return wait_for(
                   tree_, [this] { return tree_.has_value(); }, "an agent does not get ready")
            .value();
    }
    bool is_ready() {
        const std::lock_guard lock(mutex_);
        return tree_.has_value();
    }
    /// The first ends that it has been told, so many at least.
    std::vector<std::pair<int, int>> wait_for_ends(std::size_t count) {
        return wait_for(
            ends_, [&] { return ends_.size() >= count; }, "an agent is not told of ends");
    }
    std::string wait_for_error() {
        return wait_for(
            error_, [this] { return !error_.empty(); }, "an agent has no error");
    }
    std::vector<std::pair<int, int>> ends() {
        const std::lock_guard lock(mutex_);
        return ends_;
    }
    std::string error() {
        const std::lock_guard lock(mutex_);
        return error_;
    }

    void tell_of_end(int rank, int wait_status) {
        post([=](StepAgents& agents) { agents.tell_of_end(rank, wait_status); });
    }
    /// What `call` finds, in its thread.
    template <typename Call>
    auto ask(Call call) {
        // Broken, and so an exception, where the agent has ended.
        using Answer = std::promise<decltype(call(std::declval<StepAgents&>()))>;
        auto answer = std::make_shared<Answer>();
        auto future = answer->get_future();
        post([answer = std::move(answer), call](StepAgents& agents) {
            answer->set_value(call(agents));
        });
        return future.get();
    }
    /// Waits for what no call-back tells.
    void wait_until(const std::function<bool(StepAgents&)>& holds) {
        const Deadline deadline = Deadline::after(patience);
        while (!ask(holds)) {
            check(!deadline.has_passed(), "an agent does not come to that");
            std::this_thread::yield();
        }
    }

  private:
    void run(const StepSeats& seats, int node, UniqueFd listener, Deadline deadline) {
        EventLoop loop;
        loop.accept_posts();
        loop_ = &loop;
        started_.set_value();
        std::optional<StepAgents> agents;
        agents_ = &agents;
        try {
            agents.emplace(
                loop, seats, node, small_machine(), std::move(listener), deadline,
                StepAgents::Callbacks{
                    .ready =
                        [this](const std::vector<int>& parents) { note([&] { tree_ = parents; }); },
                    .ended =
                        [this](int rank, int status) {
                            note([&] { ends_.push_back({rank, status}); });
                        }});
            loop.run();
        } catch (const Error& error) {
            note([&] { error_ = error.what(); });
            agents.reset();
            if (!is_stopped_) loop.run();  // for posts, until it is
        }
    }

    void post(std::function<void(StepAgents&)> task) {
        loop_->post([this, task = std::move(task)] {
            if (agents_->has_value())
                task(**agents_);
            else
                loop_->stop();
        });
    }

    void note(const std::function<void()>& change) {
        {
            const std::lock_guard lock(mutex_);
            change();
        }
        changed_.notify_all();
    }

    template <typename Noted>
    Noted wait_for(const Noted& noted, const std::function<bool()>& holds, const char* otherwise) {
        std::unique_lock lock(mutex_);
        check(changed_.wait_for(lock, patience, holds), otherwise);
        return noted;
    }

    std::promise<void> started_;
    EventLoop* loop_ = nullptr;
    std::optional<StepAgents>* agents_ = nullptr;  // of the thread alone
    bool is_stopped_ = false;                      // too
    std::mutex mutex_;                             // guards what follows
    std::condition_variable changed_;
    std::optional<std::vector<int>> tree_;
    std::vector<std::pair<int, int>> ends_;
    std::string error_;
    std::thread thread_;
};

}  // namespace ipcrun::testing
