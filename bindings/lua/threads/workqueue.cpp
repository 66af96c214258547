// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/threads/workqueue.hpp"

#include <array>

namespace ipcrun::lua {

Workqueue::Workqueue(const Courier& owner, std::string name, std::uint64_t capacity)
    : name_(std::move(name)),
      identity_(owner.identity),
      owner_(owner.shared),
      questions_(capacity),
      answers_(capacity) {}

void Workqueue::ring_all() {
    questions_.ring_all();
    answers_.ring_all();
    idle_.ring_all();
}

void Workqueue::on_release(const void* state) {
    if (state == owner_ && has_owner_.load()) {
        has_owner_ = false;
        ring_all();
    } else if (hands_.drop(state)) {
        became_idle();
    }
}

bool Workqueue::is_alone(const Courier& state) const {
    if (holders() > 1) return false;
    return name_.empty() || (state.shared->household->threads() == 0);
}

QueueOutcome Workqueue::try_take(const Courier& reader, Item& item, QueueStatus& after) {
    if (is_owner(reader)) return answers_.try_read(item, after);
    // In this order: the owner writes nothing after it has gone.
    const bool had_owner = has_owner_.load();
    if (questions_.items() == 0)
        return had_owner ? QueueOutcome::would_wait : QueueOutcome::refused;
    hands_.take(reader.shared);
    const QueueOutcome outcome = questions_.try_read(item, after);
    if (outcome != QueueOutcome::done && hands_.give(reader.shared, 1)) became_idle();
    // Other workers may wait for the last item, which was there when its owner went.
    if (outcome == QueueOutcome::done && is_finished()) questions_.ring_all();
    return outcome;
}

void Workqueue::before_waiting(const Courier& reader) {
    if (!is_owner(reader) && hands_.drop(reader.shared)) became_idle();
}

void Workqueue::add_bells(const Courier& reader, std::vector<Bell*>& bells) {
    bells.push_back(&inlet(reader).readable());
    if (is_owner(reader)) bells.push_back(&reader.shared->household->ended());
}

bool Workqueue::is_hopeless(const Courier& reader) {
    return is_owner(reader) ? is_alone(reader) : is_finished();
}

bool Workqueue::is_finished() const {
    return !has_owner_.load() && questions_.items() == 0;
}

void Workqueue::give_up(const char* operation) {
    fail(ErrorCode::usage,
         "{}: nobody else has this workqueue: no other thread does, and it is on its way to none, "
         "so this would wait for ever",
         operation);
}

void Workqueue::write(const Courier& writer, std::span<Item> items, const char* operation) {
    ItemQueue& queue = outlet(writer);
    const bool is_question = is_owner(writer);
    const std::array<Bell*, 2> bells{&queue.writable(), &writer.shared->household->ended()};
    std::size_t written = 0;
    (void)put_items(
        *writer.shared, queue, bells, Deadline::never(), operation, items, written,
        [&] { return is_question ? is_alone(writer) : !has_owner_.load(); }, [] { return false; },
        [&] {
            if (is_question) give_up(operation);
            fail(ErrorCode::peer_lost, "{}: the workqueue is full, and its owner has closed it",
                 operation);
        });
    if (!is_question && hands_.give(writer.shared, written)) became_idle();
}

bool Workqueue::drain(const Courier& owner, Deadline deadline) {
    const std::array<Bell*, 2> bells{&idle_, &owner.shared->household->ended()};
    return wait_for(*owner.shared, bells, deadline, "drain", [&] {
        const bool is_lost = deadline.is_never() && is_alone(owner);
        if (is_idle()) return true;
        if (is_lost) give_up("drain");
        return false;
    });
}

QueueOutcome Workqueue::take_answer(Courier& owner, const char* operation) {
    owner.taken = Item();
    QueueStatus after = QueueStatus::open;
    QueueOutcome outcome = QueueOutcome::would_wait;
    struct Leave {
        ItemQueue& queue;
        ~Leave() { queue.reader_leaves(); }
    } leave{answers_};
    const std::array<Bell*, 3> bells{&idle_, &answers_.readable(),
                                     &owner.shared->household->ended()};
    (void)wait_for(*owner.shared, bells, Deadline::never(), operation, [&] {
        // Asked first: an answer is there before its question is in nobody's hands.
        const bool was_idle = is_idle();
        const bool is_lost = is_alone(owner);
        answers_.reader_looks();
        outcome = answers_.try_read(owner.taken, after);
        if (outcome == QueueOutcome::done) return true;
        if (was_idle) {
            outcome = QueueOutcome::refused;
            return true;
        }
        if (is_lost) give_up(operation);
        return false;
    });
    return outcome;
}

}  // namespace ipcrun::lua
