// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/queue_server.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>

#include "base/fail.hpp"
#include "base/quiet_thread.hpp"

namespace ipcrun {

namespace {

using Side = ServedQueue::Side;

// While something has to be looked at that rings no bell: answers on their way, ends of ranks.
constexpr std::chrono::milliseconds look_time{100};

std::vector<int> all_ranks(const JobTable& table) {
    std::vector<int> result(static_cast<std::size_t>(table.ranks()));
    std::iota(result.begin(), result.end(), 0);
    return result;
}

Part bytes_of(const void* data, std::size_t bytes) {
    return {const_cast<void*>(data), bytes, Dtype::u8};
}

}  // namespace

QueueServer::QueueServer(std::shared_ptr<Wires> wires, Open open)
    : wires_(std::move(wires)),
      open_(std::move(open)),
      mailbox_(wires_->peers(), wires_->queues_context(), all_ranks(wires_->table()),
               wires_->rank()),
      pid_(::getpid()) {
    mailbox_.on_news([this](bool has_ended) {
        if (has_ended) has_ended_ = true;
        news_.fetch_add(1);
        bell_.ring_all();
    });
    thread_ = start_quiet_thread([this] { run(); });
}

QueueServer::~QueueServer() {
    if (pid_ != ::getpid()) {
        thread_.detach();
        return;
    }
    is_over_ = true;
    bell_.ring_all();
    thread_.join();
    mailbox_.on_news({});
}

void QueueServer::run() {
    while (!is_over_.load()) {
        try {
            const bool has_moved = look();
            mailbox_.expect_news(!queues_.empty());
            if (!has_moved) sleep();
        } catch (const std::bad_alloc&) {
            // Who has asked waits until there is memory again, and others let go of some meanwhile.
            ::sched_yield();
        }
    }
}

// Does what can be done now: was there anything?
bool QueueServer::look() {
    bool has_moved = take_calls();
    const auto wake = [this](int rank, std::uint32_t id) { wake_up(rank, id); };
    for (auto& [number, served] : queues_) has_moved = served.wake(wake) || has_moved;
    std::erase_if(answers_, [](const Answer& answer) { return answer.sending->is_done(); });
    return has_moved;
}

bool QueueServer::take_calls() {
    const std::uint64_t news = news_.load();
    if (news == news_seen_) return false;
    is_to_forget_ = has_ended_.exchange(false) || is_to_forget_;
    while (const auto found = mailbox_.find(any_source, queue_call_tag))
        coming_.push_back(mailbox_.start_receive(std::nullopt, found->source, queue_call_tag));
    // In the order of coming, but for those that are not whole.
    for (auto next = coming_.begin(); next != coming_.end();) {
        const auto call = next++;
        if (!(*call)->is_done()) continue;
        const Coming done = std::move(*call);
        coming_.erase(call);
        if (done->error() == nullptr) serve(done->take());  // else its rank is lost
    }
    // After what they had asked for before.
    if (std::exchange(is_to_forget_, false)) forget_ended();
    news_seen_ = news;
    return true;
}

void QueueServer::forget_ended() {
    for (int rank = 0; rank < wires_->table().ranks(); ++rank) {
        if (wires_->is_here(rank) || !mailbox_.is_forsaken(rank)) continue;
        for (auto& [number, served] : queues_) served.forget(rank);
    }
    std::erase_if(numbers_, [this](const auto& entry) {
        const auto served = queues_.find(entry.second);
        if (!served->second.is_unused()) return false;
        queues_.erase(served);
        return true;
    });
}

// Those who ring look for sleepers after they have made true what they ring for, and this looks
// after it has become one.
void QueueServer::sleep() {
    bells_.assign({&bell_});
    held_.clear();
    Deadline deadline = answers_.empty() ? Deadline::never() : Deadline::after(look_time);
    for (const auto& [number, served] : queues_) {
        if (served.add_bells(bells_)) held_.push_back(served.share());
        deadline = Deadline::sooner(deadline, served.next_look());
    }
    words_.clear();
    for (Bell* bell : bells_) {
        words_.push_back({&bell->generation, bell->generation.load()});
        bell->sleepers.fetch_add(1);
    }
    const auto leave = [this] {
        for (Bell* bell : bells_) bell->sleepers.fetch_sub(1);
    };
    try {
        if (!look() && !is_over_.load()) {
            futex_wait_any(words_, deadline);
            if (deadline.has_passed())
                for (auto& [number, served] : queues_) served.look_after();
        }
    } catch (...) {
        leave();
        throw;
    }
    leave();
}

void QueueServer::serve(const Message& message) {
    const int rank = message.envelope.source;
    QueueCall call;
    try {
        call = read_queue_call(message);
        serve_call(call, rank, message);
    } catch (const Error& error) {
        refuse(rank, call.id, error);
    } catch (const std::bad_alloc&) {
        refuse(rank, call.id, Error(ErrorCode::system, "queues by name: not enough memory"));
    }
}

void QueueServer::refuse(int rank, std::uint32_t id, const Error& error) {
    if (id == 0) return;
    QueueAnswer head;
    head.is_error = 1;
    head.error = static_cast<std::uint32_t>(error.code);
    head.system_errno = static_cast<std::uint32_t>(error.system_errno);
    answer(rank, id, head, {}, error.what());
}

void QueueServer::serve_call(const QueueCall& call, int rank, const Message& message) {
    if (call.kind == QueueCallKind::open) {
        open(call, rank, text_after(message, sizeof call));
        return;
    }
    if (call.kind == QueueCallKind::release) {
        release(call.queue, rank);
        return;
    }
    ServedQueue& queue = served(call, rank);
    switch (call.kind) {
        case QueueCallKind::write:
        case QueueCallKind::find_room:
            write(call, rank, queue, message);
            return;
        case QueueCallKind::read:
            read(call, rank, queue);
            return;
        case QueueCallKind::stop_writing:
        case QueueCallKind::stop_reading:
            stop(call, rank, queue);
            return;
        case QueueCallKind::close:
            queue.queue().close();
            break;
        default:
            break;
    }
    QueueAnswer head;
    head.status = queue.queue().status();
    head.items = queue.queue().items();
    answer(rank, call.id, head);
}

ServedQueue& QueueServer::served(const QueueCall& call, int rank) {
    const auto found = queues_.find(call.queue);
    if (found == queues_.end() || !found->second.has(rank))
        fail(ErrorCode::protocol, "queues between hosts: rank {} has no queue {}", rank,
             call.queue);
    return found->second;
}

void QueueServer::open(const QueueCall& call, int rank, const std::string& name) {
    was_used_ = true;
    // Also of one that is open already: whoever keeps it compares the capacity.
    auto queue = open_(name, call.number);
    const auto known = numbers_.find(name);
    std::uint32_t number = known == numbers_.end() ? 0 : known->second;
    if (number == 0) {
        number = ++last_number_;
        queues_.try_emplace(number, std::move(queue));
        numbers_.emplace(name, number);
    }
    ServedQueue& served = queues_.at(number);
    served.add(rank);
    QueueAnswer head;
    head.queue = number;
    head.nonce = served.nonce();
    answer(rank, call.id, head);
}

void QueueServer::release(std::uint32_t queue, int rank) {
    const auto found = queues_.find(queue);
    if (found == queues_.end()) return;
    found->second.remove(rank);
    if (!found->second.is_unused()) return;
    std::erase_if(numbers_, [queue](const auto& entry) { return entry.second == queue; });
    queues_.erase(found);
}

void QueueServer::write(const QueueCall& call, int rank, ServedQueue& served,
                        const Message& message) {
    SharedQueue& queue = served.queue();
    served.come(Side::writers, rank);
    QueueAnswer head;
    if (call.kind == QueueCallKind::write) {
        const Part item =
            bytes_of(message.storage->data() + sizeof call, message.envelope.bytes - sizeof call);
        head.outcome = queue.try_write({&item, 1});
    } else if (queue.status() != QueueStatus::open) {
        head.outcome = QueueOutcome::refused;
    } else if (queue.capacity() != 0 && queue.items() >= queue.capacity()) {
        head.outcome = QueueOutcome::would_wait;
    }
    if (head.outcome == QueueOutcome::would_wait && call.number == 1)
        served.wait(Side::writers, rank, call.id);
    answer(rank, call.id, head);
}

void QueueServer::read(const QueueCall& call, int rank, ServedQueue& served) {
    served.come(Side::readers, rank);
    QueueAnswer head;
    StoragePtr item;
    head.outcome = served.queue().try_read(item, head.status);
    if (head.outcome == QueueOutcome::would_wait && call.number == 1)
        served.wait(Side::readers, rank, call.id);
    answer(rank, call.id, head, std::move(item));
}

void QueueServer::stop(const QueueCall& call, int rank, ServedQueue& served) {
    const Side side = call.kind == QueueCallKind::stop_reading ? Side::readers : Side::writers;
    const auto id = static_cast<std::uint32_t>(call.number);
    if (served.stop(side, rank, id)) wake_up(rank, id);
}

// An item whose reader has ended meanwhile goes with it, as one that a process was reading.
void QueueServer::answer(int rank, std::uint32_t id, const QueueAnswer& head, StoragePtr item,
                         std::string text) {
    std::list<Answer> one(1);
    Answer& answer = one.front();
    answer.head = head;
    answer.item = std::move(item);
    answer.text = std::move(text);
    std::vector<Part> parts{bytes_of(&answer.head, sizeof head)};
    if (answer.item) parts.push_back(bytes_of(answer.item->data(), answer.item->bytes()));
    if (!answer.text.empty()) parts.push_back(bytes_of(answer.text.data(), answer.text.size()));
    answer.sending = mailbox_.start_send(parts, rank, static_cast<int>(id));
    if (!answer.sending->is_done()) answers_.splice(answers_.end(), one);
}

void QueueServer::wake_up(int rank, std::uint32_t id) {
    QueueAnswer head;
    head.outcome = QueueOutcome::would_wait;
    answer(rank, id, head);
}

void QueueServer::serve_to_the_end(std::atomic<std::uint32_t>& alert) {
    for (;;) {
        const std::uint32_t seen = alert.load();
        if (have_others_ended()) return;
        const FutexWait wait{&alert, seen};
        futex_wait_any({&wait, 1}, Deadline::never());
    }
}

bool QueueServer::have_others_ended() const {
    for (int rank = 0; rank < wires_->table().ranks(); ++rank)
        if (!wires_->is_here(rank) && !wires_->end_of(rank)) return false;
    return true;
}

}  // namespace ipcrun
