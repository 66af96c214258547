// SPDX-License-Identifier: Apache-2.0
// Who gets which message. How a message gets to them: runtime/delivery.cpp.
#include "runtime/inbox.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "runtime/outbox.hpp"
#include "runtime/shared_copy.hpp"

namespace ipcrun {

namespace {

bool matches(const Receiving& receiving, int source, int tag) {
    return (receiving.call.peer == any_source || receiving.call.peer == source) &&
           (receiving.call.tag == any_tag || receiving.call.tag == tag);
}

Arrived read(const Record& record, int source) {
    const RecordKind kind = record.kind.load(std::memory_order_relaxed);
    const bool inlined = kind == RecordKind::inlined;
    return {source,
            record.tag,
            record.bytes,
            record.dtype,
            kind,
            inlined ? HeapRef() : record.ref,
            inlined ? record.payload : nullptr};
}

}  // namespace

Inbox::Inbox(Lookout& lookout)
    : lookout_(lookout),
      group_(lookout.group()),
      heap_(*group_.heap()),
      post_(group_.member(group_.rank()).post),
      post_number_(post_.state.load() >> 2),
      readers_(static_cast<std::size_t>(group_.size())),
      received_bytes_(static_cast<std::size_t>(group_.size())) {}

void Inbox::start(Receiving& receiving) {
    const MessageCall& call = receiving.call;
    while (!unexpected_.is_empty()) {
        const Arrived* const found = unexpected_.find(call.peer, call.tag);
        if (found == nullptr) break;
        if (!was_withdrawn(*found)) {
            receiving.error = mismatch(receiving, *found);
            receiving.done = receiving.error.has_value();
            if (receiving.done) return;
            receiving.done = deliver(receiving, *found);
        }
        unexpected_.remove(*found);
        if (receiving.done) return;
    }
    line_.push_back(&receiving);
}

void Inbox::remove(Receiving& receiving) {
    std::erase(line_, &receiving);
}

bool Inbox::is_wanted(int source) const {
    return std::any_of(line_.begin(), line_.end(), [&](const Receiving* receiving) {
        return receiving->call.peer == any_source || receiving->call.peer == source;
    });
}

void Inbox::advance(const Receiving* wanted) {
    settle_post();
    if (line_.empty() || (wanted != nullptr && wanted->done)) return;
    if (line_.size() == 1 && line_.front()->call.peer != any_source)
        return pull(line_.front()->call.peer, wanted);
    const int size = group_.size();
    next_source_ = (next_source_ + 1) % size;
    for (int i = 0, source = next_source_; i < size; ++i, source = (source + 1) % size) {
        if (is_wanted(source)) pull(source, wanted);
        if (line_.empty() || (wanted != nullptr && wanted->done)) return;
    }
}

bool Inbox::can_advance(int source) const {
    if (posted_ != nullptr && Post::phase_of(post_.state.load()) == Post::Phase::shared)
        return true;
    const bool only = line_.empty() || (line_.size() == 1 && line_.front()->call.peer == source);
    if (source >= 0 && only) return readers_[source].is_ready(channel(source));
    for (int other = 0; other < group_.size(); ++other)
        if ((source == any_source || source == other || is_wanted(other)) &&
            readers_[other].is_ready(channel(other)))
            return true;
    return false;
}

void Inbox::pull(int source, const Receiving* wanted) {
    RecordReader& reader = readers_[source];
    while (!line_.empty() && (wanted == nullptr || !wanted->done)) {
        const Record* const record = peek(source);
        if (record == nullptr) return;
        take(read(*record, source));
        reader.advance(*record);
    }
}

void Inbox::take(const Arrived& arrived) {
    if (was_withdrawn(arrived)) return;
    for (std::size_t i = 0; i < line_.size();) {
        Receiving& receiving = *line_[i];
        // While a sender fills its post it has what it wanted.
        if (!matches(receiving, arrived.source, arrived.tag) ||
            (posted_ == &receiving && !close_post())) {
            ++i;
            continue;
        }
        receiving.error = mismatch(receiving, arrived);
        if (!receiving.error && !deliver(receiving, arrived)) return;
        receiving.done = true;
        line_.erase(line_.begin() + static_cast<std::ptrdiff_t>(i));
        if (!receiving.error) return;
    }
    unexpected_.add(arrived);
}

std::optional<Envelope> Inbox::find(int source, int tag) {
    for (;;) {
        const Arrived* found = unexpected_.find(source, tag);
        if (found == nullptr) {
            bool any = false;
            for (int other = 0; other < group_.size(); ++other) {
                if (source != any_source && source != other) continue;
                const Record* const record = peek(other);
                if (record == nullptr) continue;
                take(read(*record, other));
                readers_[other].advance(*record);
                any = true;
            }
            if (!any) return std::nullopt;
        } else if (was_withdrawn(*found)) {
            unexpected_.remove(*found);
        } else {
            return Envelope{found->source, found->tag, found->bytes, found->dtype};
        }
    }
}

// Not where members may end in the middle of anything (Group::may_copy_together): a sender that had
// taken the post, or a chunk of the copy, would leave it half full, and a receiver from anybody
// could not tell whom to wait for. Nor are offers copied by both sides there, for the same reason:
// who copies is alone with it, and its end is the end of the copy. What is lost is a copy for
// messages into posted memory; those that are received as they come travel by one copy anyway.
void Inbox::post(const Receiving& receiving) {
    if (!group_.may_copy_together()) return;
    const Part* const part = receiving.shape.only;
    const int peer = receiving.call.peer;
    if (posted_ != nullptr || line_.empty() || line_.front() != &receiving || part == nullptr ||
        receiving.shape.bytes < long_bytes_min || peer == group_.rank())
        return;
    const auto target = heap_.memory()->locate(part->data, receiving.shape.bytes);
    if (!target) return;
    post_.source.store(peer, std::memory_order_relaxed);
    post_.tag.store(receiving.call.tag, std::memory_order_relaxed);
    post_.bytes.store(receiving.shape.bytes, std::memory_order_relaxed);
    post_.dtype.store(receiving.shape.dtype, std::memory_order_relaxed);
    post_.arena.store(target->arena, std::memory_order_relaxed);
    post_.offset.store(target->offset, std::memory_order_relaxed);
    for (int source = 0; source < group_.size(); ++source)
        if (peer == any_source || peer == source)
            channel(source).seen.store(readers_[source].count(), std::memory_order_relaxed);
    SharedCopy::reset(post_.progress, static_cast<std::uint32_t>(++post_number_));
    posted_ = line_.front();
    post_.state.store(Post::word(post_number_, Post::Phase::open));
}

bool Inbox::close_post() {
    while (posted_ != nullptr) {
        std::uint64_t state = Post::word(post_number_, Post::Phase::open);
        if (post_.state.compare_exchange_strong(state,
                                                Post::word(post_number_, Post::Phase::closed))) {
            posted_ = nullptr;
        } else if (Post::phase_of(state) == Post::Phase::shared) {
            return false;
        } else {
            // A sender looks whether it fits: some stores long.
            (void)lookout_.wait(Deadline::never(), [&] { return post_.state.load() != state; });
        }
    }
    return true;
}

// Helps the sender that fills the post, until it is full.
void Inbox::settle_post() {
    if (posted_ == nullptr || Post::phase_of(post_.state.load()) != Post::Phase::shared) return;
    Receiving& receiving = *posted_;
    const std::size_t bytes = receiving.shape.bytes;
    SharedCopy copy(post_.progress, bytes, static_cast<std::uint32_t>(post_number_));
    if (post_.source_is_shared != 0 && copy.has_unclaimed()) {
        const Touching touching(lookout_);
        copy.work(touching, heap_.memory()->resolve(post_.source_ref, bytes),
                  static_cast<std::byte*>(receiving.shape.only->data), post_.taken_by);
    }
    copy.finish(lookout_);
    receiving.message.envelope = {post_.taken_by, post_.taken_tag, bytes, receiving.shape.dtype};
    receiving.done = true;
    remove(receiving);
    posted_ = nullptr;
    post_.state.store(Post::word(post_number_, Post::Phase::closed));
}

void Inbox::abandon_post() {
    if (posted_ == nullptr) return;
    std::uint64_t state = Post::word(post_number_, Post::Phase::open);
    (void)post_.state.compare_exchange_strong(state, Post::word(post_number_, Post::Phase::closed));
    posted_ = nullptr;
}

void Inbox::leave() {
    for (int source = 0; source < group_.size(); ++source) {
        while (const Record* const record = peek(source)) {
            await_discard(read(*record, source));
            readers_[source].advance(*record);
        }
        readers_[source].leave(channel(source), *heap_.memory());
    }
    while (const Arrived* const left = unexpected_.first()) {
        await_discard(*left);
        unexpected_.remove(*left);
    }
}

void Inbox::release(Group& group) {
    Heap& heap = *group.heap();
    for (int to = 0; to < group.size(); ++to)
        for (int from = 0; from < group.size(); ++from) {
            const Channel& channel = group.block().channel(group.size(), from, to);
            const int arena = group.identity().members[from];
            const bool was_read = channel.left_segment.load() != 0;
            auto reader =
                was_read ? RecordReader::resume(channel, *heap.memory(), arena) : RecordReader();
            while (const Record* const record = reader.peek(heap, channel, arena)) {
                (void)discard(heap, read(*record, from));  // nobody is there who could be busy
                reader.advance(*record);
            }
            reader.close(heap);
        }
}

}  // namespace ipcrun
