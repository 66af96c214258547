// SPDX-License-Identifier: Apache-2.0
#include "runtime/outbox.hpp"

#include <new>

#include "base/fail.hpp"
#include "runtime/shared_copy.hpp"

namespace ipcrun {

namespace {

[[noreturn]] void fail_full(const Sending& sending, const Group& group) {
    fail(ErrorCode::system, "{}: the shared heap is full, or closed by fork()",
         sending.call.describe(group));
}

}  // namespace

void let_go(Heap& heap, Offer& offer) {
    if (offer.let_go.fetch_add(1) == 1) heap.deallocate(&offer);
}

Outbox::Outbox(Lookout& lookout)
    : lookout_(lookout),
      group_(lookout.group()),
      heap_(*group_.heap()),
      lines_(static_cast<std::size_t>(group_.size())) {}

void Outbox::start(Sending& sending) {
    const int to = sending.call.peer;
    if (lookout_.has_departed(to)) throw lookout_.lost(sending.call, to);
    const std::size_t bytes = sending.shape.bytes;
    sending.done = true;
    // Nobody posts elsewhere; see Inbox::post.
    if (bytes >= long_bytes_min && group_.may_copy_together() && fill_post_soon(sending)) return;
    const bool room = has_room(to, lag_bytes_of(bytes));
    if (room && bytes <= inlined_bytes_max) {
        Record* const record = begin(sending, bytes);
        gather(sending.parts, record->payload);
        return commit(sending, record, RecordKind::inlined, lag_bytes_of(bytes));
    }
    if (room && store(sending)) return;
    // A rank that waited for itself would wait for good.
    if (to == group_.rank()) fail_full(sending, group_);
    sending.done = false;
    offer(sending);
}

// A rank may be behind itself as far as it likes: only it can catch up.
bool Outbox::has_room(int to, std::uint64_t bytes) {
    if (to == group_.rank()) return true;
    Line& line = lines_[to];
    if (line.sent_bytes - line.received_bytes + bytes <= lag_) return true;
    line.received_bytes = channel(to).received_bytes.load();
    return line.sent_bytes - line.received_bytes + bytes <= lag_;
}

Record* Outbox::begin(const Sending& sending, std::size_t payload_bytes) {
    Line& line = lines_[sending.call.peer];
    Record* const record = line.writer.begin(heap_, channel(sending.call.peer), payload_bytes,
                                             line.sent_bytes - line.received_bytes);
    if (record == nullptr) fail_full(sending, group_);
    record->tag = sending.call.tag;
    record->bytes = sending.shape.bytes;
    record->dtype = sending.shape.dtype;
    return record;
}

void Outbox::commit(const Sending& sending, Record* record, RecordKind kind,
                    std::uint64_t lag_bytes) {
    Line& line = lines_[sending.call.peer];
    lookout_.pass(FaultPoint::before_commit);
    line.sent_bytes += lag_bytes;
    line.writer.commit(record, kind);
    lookout_.pass(FaultPoint::after_commit);
    group_.ring_mail(sending.call.peer);
}

bool Outbox::wants(const Post& post, const Sending& sending) const {
    const int source = post.source.load(std::memory_order_relaxed);
    const int tag = post.tag.load(std::memory_order_relaxed);
    // Messages that the receiver had not seen when it looked for the last time come before this.
    return (source == any_source || source == group_.rank()) &&
           (tag == any_tag || tag == sending.call.tag) &&
           post.bytes.load(std::memory_order_relaxed) == sending.shape.bytes &&
           post.dtype.load(std::memory_order_relaxed) == sending.shape.dtype &&
           channel(sending.call.peer).seen.load(std::memory_order_relaxed) ==
               lines_[sending.call.peer].writer.count();
}

// A receiver that has just sent a message itself is about to wait for this one. To look for it a
// little longer costs a sixteenth of a copy, and spares one.
bool Outbox::fill_post_soon(const Sending& sending) {
    if (fill_post(sending)) return true;
    constexpr std::size_t worth_bytes = 64 * 1024;
    constexpr std::size_t bytes_per_ns = 16;
    if (sending.shape.only == nullptr || sending.shape.bytes < worth_bytes ||
        sending.call.peer == group_.rank() || group_.waiter().is_crowded())
        return false;
    const std::atomic<std::uint64_t>& state = group_.member(sending.call.peer).post.state;
    const auto until =
        Clock::now() + std::chrono::nanoseconds(sending.shape.bytes / bytes_per_ns / 16);
    do {
        for (int i = 0; i < 16; ++i) {
            if (Post::phase_of(state.load()) == Post::Phase::open && fill_post(sending))
                return true;
            Waiter::pause();
        }
    } while (Clock::now() < until);
    return false;
}

// Writes the message straight to where its receiver, who waits for it, wants it.
bool Outbox::fill_post(const Sending& sending) {
    const int to = sending.call.peer;
    const Part* const part = sending.shape.only;
    if (part == nullptr || to == group_.rank()) return false;
    Post& post = group_.member(to).post;
    const std::uint64_t open = post.state.load();
    if (Post::phase_of(open) != Post::Phase::open || !wants(post, sending)) return false;
    const std::uint64_t number = open >> 2;
    SharedCopy copy(post.progress, sending.shape.bytes, static_cast<std::uint32_t>(number));
    {
        // A receiver that fails sees this and waits, or we see its failure and do not begin.
        const Touching touching(lookout_);
        std::uint64_t seen = open;
        if (!post.state.compare_exchange_strong(seen, Post::word(number, Post::Phase::taken)))
            return false;
        // What was read before may have been half of one post and half of the next; now it stays.
        if (!wants(post, sending)) {
            post.state.store(open);
            group_.ring_mail(to);
            return false;
        }
        const auto source = heap_.memory()->locate(part->data, sending.shape.bytes);
        post.taken_by = group_.rank();
        post.taken_tag = sending.call.tag;
        post.source_is_shared = source.has_value();
        post.source_ref = source.value_or(HeapRef());
        std::byte* const target =
            heap_.memory()->resolve({post.arena.load(std::memory_order_relaxed), 0,
                                     post.offset.load(std::memory_order_relaxed)},
                                    sending.shape.bytes);
        lookout_.pass(FaultPoint::before_commit);
        post.state.store(Post::word(number, Post::Phase::shared));
        lookout_.pass(FaultPoint::after_commit);
        if (source && sending.shape.bytes >= help_bytes_min) group_.ring_mail(to);
        copy.work(touching, static_cast<const std::byte*>(part->data), target, to);
    }
    copy.finish(lookout_);
    return true;
}

// Copies the message into a block that becomes the receiver's.
bool Outbox::store(const Sending& sending) {
    // First what may fail: a record that was begun and is not committed is begun again.
    Record* const record = begin(sending, sizeof(HeapRef));
    auto* const block = static_cast<std::byte*>(heap_.allocate(sending.shape.bytes));
    if (block == nullptr) return false;
    gather(sending.parts, block);
    record->ref = *heap_.memory()->locate(block, sending.shape.bytes);
    commit(sending, record, RecordKind::block, lag_bytes_of(sending.shape.bytes));
    return true;
}

// Names the message's memory, or a copy of what peers cannot address, and leaves it to the receiver
// to come for it. In the stream it has its place all the same.
void Outbox::offer(Sending& sending) {
    NodeMemory& memory = *heap_.memory();
    const std::size_t bytes = sending.shape.bytes;
    Record* const record = begin(sending, sizeof(HeapRef));
    const Part* const part = sending.shape.only;
    auto source = part == nullptr ? std::nullopt : memory.locate(part->data, bytes);
    if (!source) {
        sending.staged = static_cast<std::byte*>(heap_.allocate(bytes));
        if (sending.staged == nullptr) fail_full(sending, group_);
        gather(sending.parts, sending.staged);
        source = memory.locate(sending.staged, bytes);
    }
    void* const block = heap_.allocate(sizeof(Offer));
    if (block == nullptr) {
        if (sending.staged != nullptr) heap_.deallocate(sending.staged);
        fail_full(sending, group_);
    }
    auto* const made = new (block) Offer();
    made->source = *source;
    made->is_block = sending.staged != nullptr;
    SharedCopy::reset(made->progress, 0);
    record->ref = *memory.locate(made, sizeof(Offer));
    sending.offer = made;
    commit(sending, record, RecordKind::offer, lag_bytes_min);
    sending.number = lines_[sending.call.peer].writer.count();
}

bool Outbox::can_advance(const Sending& sending) const {
    if (sending.done) return true;
    const int to = sending.call.peer;
    const SharedCopy copy(sending.offer->progress, sending.shape.bytes);
    switch (sending.offer->state.load()) {
        case Offer::State::open: {
            const std::uint64_t behind =
                lines_[to].sent_bytes - channel(to).received_bytes.load() - lag_bytes_min;
            return !sending.cannot_move && behind + lag_bytes_of(sending.shape.bytes) <= lag_;
        }
        case Offer::State::shared:
            return copy.has_unclaimed() || copy.is_done();
        case Offer::State::taken:
            return copy.is_done();
        case Offer::State::withdrawn:  // by a receiver that is departing, as will be seen
            return false;
        default:
            return true;
    }
}

void Outbox::advance(Sending& sending) {
    if (!can_advance(sending) || sending.done) return;
    Offer& offer = *sending.offer;
    SharedCopy copy(offer.progress, sending.shape.bytes);
    if (offer.state.load() == Offer::State::open) return move(sending);
    if (offer.state.load() == Offer::State::shared && copy.has_unclaimed()) {
        NodeMemory& memory = *heap_.memory();
        const Touching touching(lookout_);
        copy.work(touching, memory.resolve(offer.source, sending.shape.bytes),
                  memory.resolve(offer.destination, sending.shape.bytes), sending.call.peer);
    }
    if (offer.state.load() == Offer::State::adopted || copy.is_done()) complete(sending);
}

// The receiver has caught up: what was offered becomes a block, and its sender need not wait.
void Outbox::move(Sending& sending) {
    Offer& offer = *sending.offer;
    auto state = Offer::State::open;
    if (!offer.state.compare_exchange_strong(state, Offer::State::moving)) return;
    std::byte* block = sending.staged;
    if (block == nullptr) {
        block = static_cast<std::byte*>(heap_.allocate(sending.shape.bytes));
        sending.cannot_move = block == nullptr;
    }
    if (block != nullptr) {
        if (sending.staged == nullptr) gather(sending.parts, block);
        lookout_.pass(FaultPoint::mid_move);
        offer.source = *heap_.memory()->locate(block, sending.shape.bytes);
        offer.lag_bytes = lag_bytes_of(sending.shape.bytes);
        lines_[sending.call.peer].sent_bytes += offer.lag_bytes - lag_bytes_min;
    }
    offer.state.store(block == nullptr ? Offer::State::open : Offer::State::stored);
    group_.ring_mail(sending.call.peer);
    if (block == nullptr) return;
    sending.staged = nullptr;
    complete(sending);
}

void Outbox::complete(Sending& sending) {
    const bool adopted = sending.offer->state.load() == Offer::State::adopted;
    if (sending.staged != nullptr && !adopted) heap_.deallocate(sending.staged);
    let_go(heap_, *sending.offer);
    sending.offer = nullptr;
    sending.staged = nullptr;
    sending.done = true;
}

bool Outbox::withdraw(Sending& sending) {
    if (sending.offer == nullptr) return true;
    auto state = Offer::State::open;
    // So may a receiver that departs, or that has seen this member depart.
    const bool is_back =
        sending.offer->state.compare_exchange_strong(state, Offer::State::withdrawn) ||
        state == Offer::State::withdrawn;
    if (!is_back && !(state == Offer::State::taken && is_forsaken(sending))) return false;
    complete(sending);
    return true;
}

Error Outbox::held_back(const Sending& sending) const {
    return Error(ErrorCode::usage,
                 fmt::format("{}: both sides are held back: each has sent more than the other "
                             "received (lag {} bytes): receive first, or raise the lag",
                             sending.call.describe(group_), lag_),
                 0, group_.called(sending.call.peer));
}

// Its receiver ended in the middle of its copy, of which nobody helps.
bool Outbox::is_forsaken(const Sending& sending) const {
    return group_.survives_ends() && lookout_.has_departed(sending.call.peer);
}

}  // namespace ipcrun
