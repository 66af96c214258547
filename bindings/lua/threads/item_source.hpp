// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a state reads items from, alone or together with others: channels and queues.

#include <chrono>
#include <span>

#include "bindings/lua/threads/courier.hpp"
#include "bindings/lua/threads/wait.hpp"

namespace ipcrun::lua {

/// How often those who wait for other processes look whether these are still there.
constexpr std::chrono::milliseconds company_interval{100};

/// `reader` is always the state that reads.
class ItemSource {
  public:
    /// As Queue::try_read: refused when nothing can come any more.
    virtual QueueOutcome try_take(const Courier& reader, Item& item, QueueStatus& after) = 0;
    /// Where items come from, for the reader.
    virtual ItemQueue& inlet(const Courier& reader) = 0;

    /// The reader is about to wait.
    virtual void before_waiting(const Courier& reader) { (void)reader; }
    /// Adds what rings when an item may be there, or when hope may be lost.
    virtual void add_bells(const Courier& reader, std::vector<Bell*>& bells) {
        bells.push_back(&inlet(reader).readable());
    }
    /// Can nobody ever write what the reader waits for? Asked before it looks once more.
    virtual bool is_hopeless(const Courier& reader) = 0;
    /// The same for one that reaches other processes, which takes longer to find out.
    virtual bool is_abandoned(const Courier& reader) {
        (void)reader;
        return false;
    }
    /// Throws what is said of that to people.
    [[noreturn]] virtual void give_up(const char* operation) = 0;

  protected:
    ~ItemSource() = default;
};

/// What came, and from where.
struct Taken {
    /// done; would_wait: the time has passed; refused: nothing can come from any source.
    QueueOutcome outcome = QueueOutcome::would_wait;
    QueueStatus after = QueueStatus::open;
    std::size_t source = 0;  ///< its index
};

/// Takes into `reader.taken` the first item that one of the sources has, looking at them from
/// `first` on. Throws when no source can ever have one again and there is no deadline; Error
/// {peer_lost} when the program ends. `operation` begins the messages. C++ alone: to be called
/// inside attempt().
Taken take_item(Courier& reader, std::span<ItemSource* const> sources, std::size_t first,
                Deadline deadline, const char* operation);

/// As wait_for(), also for queues that reach other processes: asks `is_abandoned` every
/// company_interval when `is_watching`, and calls `give_up` when it is so twice: who is about to
/// open a queue is not seen for a moment.
template <typename IsAbandoned, typename GiveUp, typename Condition>
bool wait_watching(Context& shared, std::span<Bell* const> bells, Deadline deadline,
                   const char* operation, bool is_watching, IsAbandoned is_abandoned,
                   GiveUp give_up, Condition condition) {
    bool was_abandoned = false;
    while (is_watching) {
        const Deadline slice = Deadline::sooner(deadline, Deadline::after(company_interval));
        if (wait_for(shared, bells, slice, operation, condition)) return true;
        if (deadline.has_passed()) return false;
        const bool is_now = is_abandoned();
        // Those who have gone may have done what is waited for.
        if (is_now && was_abandoned) {
            if (condition()) return true;
            give_up();
        }
        was_abandoned = is_now;
    }
    return wait_for(shared, bells, deadline, operation, condition);
}

/// Writes `items`; `written` says how many of them. `is_hopeless`, `is_abandoned` and `give_up` as
/// those of a source; `bells` are those of the queue for writers, and others that tell of lost
/// hope.
template <typename IsHopeless, typename IsAbandoned, typename GiveUp>
QueueOutcome put_items(Context& shared, ItemQueue& queue, std::span<Bell* const> bells,
                       Deadline deadline, const char* operation, std::span<Item> items,
                       std::size_t& written, IsHopeless is_hopeless, IsAbandoned is_abandoned,
                       GiveUp give_up) {
    written = 0;
    const auto write = [&] {
        std::size_t count = 0;
        const QueueOutcome outcome = queue.try_write(items.subspan(written), count);
        written += count;
        return outcome;
    };
    QueueOutcome outcome = write();
    if (outcome != QueueOutcome::would_wait || deadline.has_passed()) return outcome;
    struct Leave {
        ItemQueue& queue;
        ~Leave() { queue.writer_leaves(); }
    } leave{queue};
    (void)wait_watching(shared, bells, deadline, operation, !queue.is_local(), is_abandoned,
                        give_up, [&] {
                            // Asked first: who lets go may have made room before.
                            const bool is_lost = deadline.is_never() && is_hopeless();
                            queue.writer_looks();
                            if (queue.may_write()) outcome = write();
                            if (outcome == QueueOutcome::would_wait && is_lost) give_up();
                            return outcome != QueueOutcome::would_wait;
                        });
    return outcome;
}

}  // namespace ipcrun::lua
