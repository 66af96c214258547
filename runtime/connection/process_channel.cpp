// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/process_channel.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>

#include "base/fail.hpp"
#include "runtime/connection/loop_thread.hpp"

namespace ipcrun {

struct ProcessChannel::Shared {
    /// To tell a side's watcher of the end of the other; made while there is memory.
    struct News final : PostedTask {
        News(const std::shared_ptr<Shared>& both, int whose) : shared(both), side(whose) {}
        void run() override {
            const std::unique_ptr<News> self(this);
            if (const auto both = shared.lock()) both->tell_end(side);
        }
        void drop() noexcept override { delete this; }
        // Not shared: when no end is left nobody needs the news, which both hold.
        const std::weak_ptr<Shared> shared;
        const int side;
    };
    struct Side {
        std::deque<std::shared_ptr<NodeMemory>> received;
        bool is_closed = false;
        LoopThread* watcher = nullptr;
        OnEnd on_end;                // the watcher's
        std::unique_ptr<News> news;  // to be posted to it
    };
    std::mutex mutex;
    std::condition_variable news;
    Side sides[2];

    // In the thread of the watcher.
    void tell_end(int side) {
        OnEnd on_end;
        {
            const std::lock_guard lock(mutex);
            on_end = std::exchange(sides[side].on_end, nullptr);
        }
        if (on_end) on_end(PeerEnd::connection, "its end has been closed");
    }
};

ProcessChannel::ProcessChannel(std::shared_ptr<Shared> shared, int side)
    : shared_(std::move(shared)), side_(side) {}

std::pair<std::unique_ptr<ProcessChannel>, std::unique_ptr<ProcessChannel>>
ProcessChannel::create() {
    const auto shared = std::make_shared<Shared>();
    return {std::unique_ptr<ProcessChannel>(new ProcessChannel(shared, 0)),
            std::unique_ptr<ProcessChannel>(new ProcessChannel(shared, 1))};
}

ProcessChannel::~ProcessChannel() {
    close();
}

void ProcessChannel::send_memory(const std::shared_ptr<NodeMemory>& memory, int, Deadline) {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->sides[1 - side_].is_closed)
        fail(ErrorCode::peer_lost, "share memory: the other end has been closed");
    shared_->sides[1 - side_].received.push_back(memory);
    shared_->news.notify_all();
}

std::shared_ptr<NodeMemory> ProcessChannel::receive_memory(Deadline deadline) {
    std::unique_lock lock(shared_->mutex);
    auto& received = shared_->sides[side_].received;
    const auto has_news = [&] {
        return !received.empty() || shared_->sides[0].is_closed || shared_->sides[1].is_closed;
    };
    if (deadline.is_never())
        shared_->news.wait(lock, has_news);
    else if (!shared_->news.wait_for(lock, *deadline.remaining(), has_news))
        fail(ErrorCode::timeout, "receive memory to share: timed out");
    if (received.empty())
        fail(ErrorCode::peer_lost, "receive memory to share: an end has been closed");
    auto memory = std::move(received.front());
    received.pop_front();
    return memory;
}

void ProcessChannel::watch(LoopThread& thread, OnEnd on_end) {
    auto news = std::make_unique<Shared::News>(shared_, side_);
    const std::lock_guard lock(shared_->mutex);
    auto& own = shared_->sides[side_];
    own.watcher = &thread;
    own.on_end = std::move(on_end);
    if (shared_->sides[1 - side_].is_closed)
        thread.post(*news.release());
    else
        own.news = std::move(news);
}

void ProcessChannel::unwatch() {
    const std::lock_guard lock(shared_->mutex);
    shared_->sides[side_].watcher = nullptr;
    shared_->sides[side_].on_end = nullptr;
    shared_->sides[side_].news.reset();
}

void ProcessChannel::close() noexcept {
    const std::lock_guard lock(shared_->mutex);
    if (std::exchange(shared_->sides[side_].is_closed, true)) return;
    shared_->news.notify_all();
    auto& other = shared_->sides[1 - side_];
    // It lives: who watches has a connection, which holds the neighbourhood that the thread is of.
    if (other.watcher != nullptr && other.news != nullptr)
        other.watcher->post(*other.news.release());
}

}  // namespace ipcrun
