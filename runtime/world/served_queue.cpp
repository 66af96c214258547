// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/served_queue.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace ipcrun {

namespace {

using std::chrono::milliseconds;

// Who was woken has come by then, or is not counted on any more.
constexpr milliseconds come_time{100};
// How soon a write is tried again that has no room though fewer items wait than may: one is being
// written or read just now, or the memory is full.
constexpr milliseconds odd_time{10};

}  // namespace

void ServedQueue::remove(int rank) {
    const auto owner = owners_.find(rank);
    if (owner == owners_.end()) return;
    if (--owner->second == 0) forget(rank);
}

void ServedQueue::forget(int rank) {
    owners_.erase(rank);
    for (const Side side : {Side::readers, Side::writers}) {
        const auto is_of_rank = [rank](const auto& entry) { return entry.rank == rank; };
        std::erase_if(line(side).waiting, is_of_rank);
        if (std::erase_if(line(side).woken, is_of_rank) != 0) pass_on(side);
    }
}

void ServedQueue::wait(Side side, int rank, std::uint32_t id) {
    const bool is_odd =
        side == Side::writers && (queue_->capacity() == 0 || queue_->items() < queue_->capacity());
    line(side).waiting.push_back({rank, id, Clock::now(), is_odd});
}

void ServedQueue::come(Side side, int rank) {
    auto& woken = line(side).woken;
    const auto found = std::find_if(woken.begin(), woken.end(),
                                    [rank](const Woken& entry) { return entry.rank == rank; });
    if (found != woken.end()) woken.erase(found);
}

bool ServedQueue::stop(Side side, int rank, std::uint32_t id) {
    const bool was_waiting = std::erase_if(line(side).waiting, [&](const Waiting& entry) {
                                 return entry.rank == rank && entry.id == id;
                             }) != 0;
    if (!was_waiting) come(side, rank);
    pass_on(side);
    return was_waiting;
}

// What rang for somebody who does not come may have rung for one of this host in his place.
void ServedQueue::pass_on(Side side) {
    if (side == Side::readers)
        queue_->reader_leaves();
    else
        queue_->writer_leaves();
}

void ServedQueue::wake_first(Line& line, const Wake& wake) {
    const Waiting first = line.waiting.front();
    line.waiting.pop_front();
    line.woken.push_back({first.rank, Clock::now()});
    wake(first.rank, first.id);
}

bool ServedQueue::is_idle() const {
    return readers_.waiting.empty() && writers_.waiting.empty() && readers_.woken.empty() &&
           writers_.woken.empty();
}

bool ServedQueue::wake(const Wake& wake) {
    if (is_idle()) return false;
    try {
        return try_to_wake(wake);
    } catch (const Error&) {
        // Who comes to try hears of it.
        const bool has_waited = !readers_.waiting.empty() || !writers_.waiting.empty();
        for (Line* line : {&readers_, &writers_})
            while (!line->waiting.empty()) wake_first(*line, wake);
        return has_waited;
    }
}

bool ServedQueue::try_to_wake(const Wake& wake) {
    const auto now = Clock::now();
    for (const Side side : {Side::readers, Side::writers}) {
        const auto is_late = [now](const Woken& entry) { return now - entry.since >= come_time; };
        if (std::erase_if(line(side).woken, is_late) != 0) pass_on(side);
    }
    bool has_woken = false;
    const auto wake_while = [&](Line& line, auto is_worth) {
        for (; !line.waiting.empty() && is_worth(line.waiting.front()); has_woken = true)
            wake_first(line, wake);
    };
    const QueueStatus status = queue_->status();
    wake_while(readers_, [&](const Waiting&) {
        return status == QueueStatus::drained || queue_->items() > readers_.woken.size();
    });
    wake_while(writers_, [&](const Waiting& first) {
        if (status != QueueStatus::open) return true;
        if (first.is_odd) return now - first.since >= odd_time;
        return queue_->items() + writers_.woken.size() < queue_->capacity();
    });
    return has_woken;
}

bool ServedQueue::add_bells(std::vector<Bell*>& bells) const {
    if (!readers_.waiting.empty()) bells.push_back(&queue_->readable());
    if (!writers_.waiting.empty()) bells.push_back(&queue_->writable());
    return !readers_.waiting.empty() || !writers_.waiting.empty();
}

Deadline ServedQueue::next_look() const {
    const bool is_odd = std::any_of(writers_.waiting.begin(), writers_.waiting.end(),
                                    [](const Waiting& entry) { return entry.is_odd; });
    if (is_odd) return Deadline::after(odd_time);
    return is_idle() ? Deadline::never() : Deadline::after(come_time);
}

void ServedQueue::look_after() {
    if (is_idle()) return;
    try {
        (void)queue_->find_lost_company();
    } catch (const Error&) {
        // Its memory was written over: who comes to try hears of it.
    }
}

}  // namespace ipcrun
