// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Reading and writing item queues with patience. C++ alone: to be called inside attempt().

#include <chrono>
#include <span>

#include "bindings/lua/threads/item_queue.hpp"
#include "bindings/lua/threads/wait.hpp"

namespace ipcrun::lua {

/// How often those who wait for other processes look whether these are still there.
constexpr std::chrono::milliseconds company_interval{100};

/// As wait_for(), for queues some of which reach other processes; calls `look` every
/// company_interval when `is_watching`.
template <typename Condition, typename Look>
bool wait_watching(Context& shared, std::span<Bell* const> bells, Deadline deadline,
                   const char* operation, bool is_watching, Look look, Condition condition) {
    while (is_watching) {
        const Deadline slice = Deadline::sooner(deadline, Deadline::after(company_interval));
        if (wait_for(shared, bells, slice, operation, condition)) return true;
        if (deadline.has_passed()) return false;
        look();
    }
    return wait_for(shared, bells, deadline, operation, condition);
}

/// Does this thread's program end? Its channels are dropped then, which is not what the thread
/// should hear of.
inline bool is_ending(const Context& shared) {
    return shared.is_worker && shared.household->is_closing();
}

/// Reads one item. `before_waiting` is called when there is none, before each sleep: it gives
/// whether nobody can write one any more; then, if there still is none, the last resort `give_up`
/// must throw. Returns done, refused (the queue is drained), or would_wait: the time has passed.
template <typename IsAlone, typename GiveUp>
QueueOutcome read_patiently(Context& shared, ItemQueue& queue, Deadline deadline,
                            const char* operation, Item& item, QueueStatus& after, IsAlone is_alone,
                            GiveUp give_up) {
    QueueOutcome outcome = queue.try_read(item, after);
    if (outcome != QueueOutcome::would_wait || deadline.has_passed()) return outcome;
    struct Arrival {
        ItemQueue& queue;
        ~Arrival() { queue.arrive_to_read(); }
    } arrival{queue};
    Bell* const bells[] = {&queue.readable()};
    (void)wait_watching(
        shared, bells, deadline, operation, !queue.is_local(), [&] { queue.check_company(); },
        [&] {
            // Asked first: who lets go may have written something before.
            const bool is_alone_now = deadline.is_never() && is_alone() && !is_ending(shared);
            outcome = queue.try_read(item, after);
            if (outcome == QueueOutcome::would_wait && is_alone_now) give_up();
            return outcome != QueueOutcome::would_wait;
        });
    return outcome;
}

/// Writes `items` from the `written`-th on, which is counted up. Returns as read_patiently() does.
template <typename IsAlone, typename GiveUp>
QueueOutcome write_patiently(Context& shared, ItemQueue& queue, Deadline deadline,
                             const char* operation, std::span<Item> items, std::size_t& written,
                             IsAlone is_alone, GiveUp give_up) {
    const auto write = [&] {
        std::size_t count = 0;
        const QueueOutcome outcome = queue.try_write(items.subspan(written), count);
        written += count;
        return outcome;
    };
    QueueOutcome outcome = write();
    if (outcome != QueueOutcome::would_wait || deadline.has_passed()) return outcome;
    struct Arrival {
        ItemQueue& queue;
        ~Arrival() { queue.arrive_to_write(); }
    } arrival{queue};
    Bell* const bells[] = {&queue.writable()};
    (void)wait_watching(
        shared, bells, deadline, operation, !queue.is_local(), [&] { queue.check_company(); },
        [&] {
            const bool is_alone_now = deadline.is_never() && is_alone() && !is_ending(shared);
            outcome = write();
            if (outcome == QueueOutcome::would_wait && is_alone_now) give_up();
            return outcome != QueueOutcome::would_wait;
        });
    return outcome;
}

}  // namespace ipcrun::lua
