// SPDX-License-Identifier: Apache-2.0
// How an inbox gets the bytes of a message to whom it is for.
#include <algorithm>
#include <cstring>

#include "base/fail.hpp"
#include "runtime/inbox.hpp"
#include "runtime/outbox.hpp"
#include "runtime/shared_copy.hpp"

namespace ipcrun {

namespace {

Offer& offer_of(Heap& heap, const Arrived& arrived) {
    return *reinterpret_cast<Offer*>(heap.memory()->resolve(arrived.ref, sizeof(Offer)));
}

// What was taken and cannot be received its sender may withdraw.
struct GivenBack {
    Offer& offer;
    bool is_received = false;
    ~GivenBack() {
        if (!is_received) offer.state.store(Offer::State::open);
    }
};

}  // namespace

std::optional<Error> Inbox::mismatch(const Receiving& receiving, const Arrived& arrived) const {
    const PartsShape& wanted = receiving.shape;
    if (receiving.takes_any_size ||
        (wanted.bytes == arrived.bytes && (wanted.bytes == 0 || wanted.dtype == arrived.dtype)))
        return std::nullopt;
    return Error(
        ErrorCode::mismatch,
        fmt::format("{}: the message of rank {}, tag {}, has {} bytes of {}, and {} bytes "
                    "of {} were to be received",
                    receiving.call.describe(group_), group_.called(arrived.source), arrived.tag,
                    arrived.bytes, name_of(arrived.dtype), wanted.bytes, name_of(wanted.dtype)),
        0, group_.called(arrived.source));
}

// An offer that its sender took back is no message; nor is one whose sender has gone with it, or
// ended while it copied it into a block. What one that ended has left as it was is still whole.
bool Inbox::was_withdrawn(const Arrived& arrived) {
    if (arrived.kind != RecordKind::offer) return false;
    Offer& offer = offer_of(heap_, arrived);
    if (lookout_.has_departed(arrived.source)) {
        const bool is_whole = group_.survives_ends() && group_.has_ended(arrived.source);
        auto state = offer.state.load();
        if (state == Offer::State::moving || (state == Offer::State::open && !is_whole))
            (void)offer.state.compare_exchange_strong(state, Offer::State::withdrawn);
    }
    if (offer.state.load() != Offer::State::withdrawn) return false;
    count_received(arrived.source, lag_bytes_min);
    let_go(heap_, offer);
    return true;
}

// False when its sender took it back at the last moment.
bool Inbox::deliver(Receiving& receiving, const Arrived& arrived) {
    lookout_.pass(FaultPoint::holding_message);
    std::uint64_t lag_bytes = lag_bytes_of(arrived.bytes);
    if (arrived.kind == RecordKind::inlined) {
        deliver_bytes(receiving, arrived, arrived.payload);
    } else if (arrived.kind == RecordKind::block) {
        deliver_block(receiving, arrived, arrived.ref);
    } else {
        lag_bytes = accept(receiving, arrived);
        if (lag_bytes == 0) return !was_withdrawn(arrived);
    }
    receiving.message.envelope = {arrived.source, arrived.tag, arrived.bytes, arrived.dtype};
    count_received(arrived.source, lag_bytes);
    return true;
}

void Inbox::deliver_bytes(Receiving& receiving, const Arrived& arrived, const std::byte* from) {
    if (!receiving.takes_any_size) return scatter(from, receiving.parts);
    receiving.message.storage =
        Storage::create(group_.heap(), arrived.dtype, arrived.bytes / size_of(arrived.dtype));
    if (arrived.bytes != 0) std::memcpy(receiving.message.storage->data(), from, arrived.bytes);
}

// The reference is a copy: what it was taken from is the sender's to change.
void Inbox::deliver_block(Receiving& receiving, const Arrived& arrived, HeapRef ref) {
    // Elsewhere it would be freed where it was never allocated.
    if (ref.arena != static_cast<std::uint32_t>(group_.identity().members[arrived.source]) ||
        ref.offset % line_bytes != 0)
        fail(ErrorCode::protocol, "{}: the message does not lie in memory that its sender took",
             receiving.call.describe(group_));
    std::byte* const block = heap_.memory()->resolve(ref, arrived.bytes);
    if (receiving.takes_any_size) {
        receiving.message.storage = Storage::adopt(group_.heap(), block, arrived.dtype,
                                                   arrived.bytes / size_of(arrived.dtype));
    } else {
        scatter(block, receiving.parts);
        heap_.deallocate(block, arrived.bytes);
    }
}

// Takes what was offered; what it counts for the lag, or 0 when it was taken back.
std::uint64_t Inbox::accept(Receiving& receiving, const Arrived& arrived) {
    using State = Offer::State;
    Offer& offer = offer_of(heap_, arrived);
    for (;;) {
        switch (offer.state.load()) {
            case State::open:
                if (!accept_open(receiving, arrived, offer)) break;
                let_go(heap_, offer);
                return lag_bytes_min;
            case State::moving:
                if (lookout_.has_departed(arrived.source)) return 0;
                (void)lookout_.wait(Deadline::never(),
                                    [&] { return offer.state.load() != State::moving; });
                break;
            case State::stored: {
                deliver_block(receiving, arrived, offer.source);
                const std::uint64_t lag_bytes = offer.lag_bytes;
                let_go(heap_, offer);
                return lag_bytes;
            }
            case State::withdrawn:
                return 0;
            default:
                fail(ErrorCode::protocol, "{}: an offer was taken by somebody else",
                     receiving.call.describe(group_));
        }
    }
}

// Copies from the sender's memory, with its help where it can reach the target, or keeps its block.
// False when the offer is no longer open.
bool Inbox::accept_open(Receiving& receiving, const Arrived& arrived, Offer& offer) {
    using State = Offer::State;
    NodeMemory& memory = *heap_.memory();
    // Before there is memory taken for what no arena can hold.
    (void)memory.resolve({arrived.ref.arena, 0, 0}, arrived.bytes);
    auto state = State::open;
    if (receiving.takes_any_size && offer.is_block != 0) {
        if (!offer.state.compare_exchange_strong(state, State::adopted)) return false;
        GivenBack unless_received{offer};
        deliver_block(receiving, arrived, offer.source);
        unless_received.is_received = true;
        group_.ring_mail(arrived.source);
        return true;
    }
    std::byte* target = nullptr;
    if (receiving.takes_any_size) {
        receiving.message.storage =
            Storage::create(group_.heap(), arrived.dtype, arrived.bytes / size_of(arrived.dtype));
        target = receiving.message.storage->data();
    } else if (receiving.shape.only != nullptr) {
        target = static_cast<std::byte*>(receiving.shape.only->data);
    }
    // Until it is taken its sender may change it.
    if (!offer.state.compare_exchange_strong(state, State::taken)) return false;
    GivenBack unless_found{offer};
    std::byte* const source = memory.resolve(offer.source, arrived.bytes);
    // It may well lie in this member's arena, which the sender has had a block of before.
    if (target != nullptr && source < target + arrived.bytes && target < source + arrived.bytes)
        fail(ErrorCode::protocol, "{}: the message lies where it is to be received",
             receiving.call.describe(group_));
    unless_found.is_received = true;
    const auto ref = target == nullptr || !group_.may_copy_together()
                         ? std::nullopt
                         : memory.locate(target, arrived.bytes);
    if (ref) {
        offer.destination = *ref;
        offer.state.store(State::shared);
    }
    if (ref && arrived.bytes >= help_bytes_min) group_.ring_mail(arrived.source);
    SharedCopy copy(offer.progress, arrived.bytes);
    {
        const Touching touching(lookout_);
        if (target != nullptr) {
            copy.work(touching, source, target, arrived.source);
        } else {
            scatter(source, receiving.parts);
            copy.set_done();
            group_.ring_mail(arrived.source);
        }
    }
    copy.finish(lookout_);
    return true;
}

void Inbox::count_received(int source, std::uint64_t lag_bytes) {
    received_bytes_[source] += lag_bytes;
    // Before the look at sleepers: a sender that waits for room sees it, or is seen.
    channel(source).received_bytes.store(received_bytes_[source]);
    if (source != group_.rank()) group_.ring_mail(source);
}

// Nobody will receive it.
void Inbox::await_discard(const Arrived& arrived) {
    while (!was_withdrawn(arrived) && !discard(heap_, arrived)) {
        const Offer& offer = offer_of(heap_, arrived);
        (void)lookout_.wait(Deadline::never(),
                            [&] { return offer.state.load() != Offer::State::moving; });
    }
}

// False while its sender is busy with it.
bool Inbox::discard(Heap& heap, const Arrived& arrived) {
    NodeMemory& memory = *heap.memory();
    if (arrived.kind == RecordKind::block)
        heap.deallocate(memory.resolve(arrived.ref, arrived.bytes), arrived.bytes);
    if (arrived.kind != RecordKind::offer) return true;
    Offer& offer = offer_of(heap, arrived);
    // From now on its sender does not make a block of it, which would be nobody's.
    auto state = Offer::State::open;
    (void)offer.state.compare_exchange_strong(state, Offer::State::withdrawn);
    if (state == Offer::State::moving) return false;
    if (state == Offer::State::stored)
        heap.deallocate(memory.resolve(offer.source, arrived.bytes), arrived.bytes);
    let_go(heap, offer);
    return true;
}

}  // namespace ipcrun
