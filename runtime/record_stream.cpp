// SPDX-License-Identifier: Apache-2.0
#include "runtime/record_stream.hpp"

#include <algorithm>
#include <new>

#include "base/fail.hpp"

namespace ipcrun {

namespace {

// The few segments of two members that answer each other stay in the first-level cache; who is
// behind needs fewer of the larger ones. Both are slots of the heap's slabs.
constexpr std::size_t segment_bytes_min = 4096;
constexpr std::size_t segment_bytes_max = Heap::small_bytes_max;
constexpr std::size_t many_lines = 16;
constexpr std::size_t cleared_ahead = 4;

constexpr std::size_t lines_of(std::size_t payload_bytes) {
    return (record_head_bytes + payload_bytes + line_bytes - 1) / line_bytes;
}
static_assert(lines_of(40) == 1 && lines_of(41) == 2);
static_assert(segment_bytes_min / line_bytes > lines_of(inlined_bytes_max) + 1);

std::size_t lines_of(const Record& record, RecordKind kind) {
    return kind == RecordKind::inlined ? lines_of(static_cast<std::size_t>(record.bytes)) : 1;
}

// What a writer names it has taken from its own heap. In another arena it would be freed where it
// was never allocated.
bool is_of(const HeapRef& ref, int arena) {
    return ref.arena == static_cast<std::uint32_t>(arena) && ref.offset % line_bytes == 0;
}

}  // namespace

Record* RecordWriter::begin(Heap& heap, Channel& channel, std::size_t payload_bytes,
                            std::uint64_t backlog_bytes) {
    const std::size_t lines = lines_of(payload_bytes);
    if (position_ + lines + 1 > line_count_) [[unlikely]] {
        // The first is small: its reader counts on that.
        const bool large =
            lines_ != nullptr && (lines > many_lines || backlog_bytes > segment_bytes_max);
        if (!open_segment(heap, channel, large ? segment_bytes_max : segment_bytes_min))
            return nullptr;
    }
    next_ = position_ + lines;
    return &lines_[position_];
}

bool RecordWriter::open_segment(Heap& heap, Channel& channel, std::size_t bytes) {
    auto* const lines = static_cast<Record*>(heap.allocate(bytes));
    if (lines == nullptr) return false;
    new (&lines[0].kind) std::atomic<RecordKind>(RecordKind::none);
    const HeapRef ref = *heap.memory()->locate(lines, bytes);
    if (lines_ == nullptr) {
        channel.first_segment.store(1 + ref.offset);
    } else {
        Record& jump = lines_[position_];
        jump.ref = ref;
        jump.bytes = bytes;
        jump.kind.store(RecordKind::jump);
    }
    lines_ = lines;
    line_count_ = bytes / line_bytes;
    position_ = 0;
    cleared_ = 1;
    return true;
}

// The receiver polls the record that follows, so it must read as `none` before this one is shown.
// A line that the receiver has in its cache takes long to write: it is done ahead of time, after
// the record before it was shown, so that nobody waits for it.
void RecordWriter::commit(Record* record, RecordKind kind) {
    if (cleared_ <= next_) {
        lines_[next_].kind.store(RecordKind::none, std::memory_order_relaxed);
        cleared_ = next_ + 1;
    }
    record->kind.store(kind);
    position_ = next_;
    ++count_;
    clear_ahead();
}

void RecordWriter::clear_ahead() {
    const std::size_t end = std::min(position_ + cleared_ahead, line_count_);
    for (; cleared_ < end; ++cleared_)
        lines_[cleared_].kind.store(RecordKind::none, std::memory_order_relaxed);
}

Record* RecordReader::peek_further(Heap& heap, const Channel& channel, int arena) {
    NodeMemory& memory = *heap.memory();
    if (lines_ == nullptr) {
        const std::uint64_t first = channel.first_segment.load();
        if (first == 0) return nullptr;
        const HeapRef ref{static_cast<std::uint32_t>(arena), 0, first - 1};
        lines_ = reinterpret_cast<Record*>(memory.resolve(ref, segment_bytes_min));
        line_count_ = segment_bytes_min / line_bytes;
    }
    for (;;) {
        Record& record = lines_[position_];
        const RecordKind kind = record.kind.load();
        if (kind == RecordKind::none) return nullptr;
        if (kind != RecordKind::jump) return checked(&record, kind, arena);
        const std::size_t bytes = record.bytes;
        // No writer leaves a segment empty: such jumps might go round for ever.
        if ((bytes != segment_bytes_min && bytes != segment_bytes_max) || position_ == 0 ||
            !is_of(record.ref, arena))
            fail(ErrorCode::protocol, "read messages of a peer: there is no such segment");
        auto* const next = reinterpret_cast<Record*>(memory.resolve(record.ref, bytes));
        heap.deallocate(lines_);
        lines_ = next;
        line_count_ = bytes / line_bytes;
        position_ = 0;
    }
}

Record* RecordReader::checked(Record* record, RecordKind kind, int arena) const {
    const bool is_inlined = kind == RecordKind::inlined;
    const bool is_long = is_inlined && record->bytes > inlined_bytes_max;
    if (kind > RecordKind::jump || is_long || static_cast<int>(record->dtype) >= dtype_count ||
        record->bytes % size_of(record->dtype) != 0 ||
        (!is_inlined && !is_of(record->ref, arena)) ||
        position_ + lines_of(*record, kind) >= line_count_) [[unlikely]]
        fail(ErrorCode::protocol, "read messages of a peer: they are not what a peer writes");
    return record;
}

void RecordReader::advance(const Record& record) {
    position_ += lines_of(record, record.kind.load(std::memory_order_relaxed));
    ++count_;
}

void RecordReader::leave(Channel& channel, const NodeMemory& memory) const {
    if (lines_ == nullptr) return;
    channel.left_lines.store(line_count_);
    channel.left_line.store(position_);
    channel.left_segment.store(1 + memory.locate(lines_, line_bytes)->offset);
}

RecordReader RecordReader::resume(const Channel& channel, NodeMemory& memory, int arena) {
    RecordReader reader;
    const std::uint64_t segment = channel.left_segment.load();
    if (segment == 0) return reader;
    reader.line_count_ = channel.left_lines.load();
    reader.position_ = channel.left_line.load();
    reader.lines_ = reinterpret_cast<Record*>(memory.resolve(
        {static_cast<std::uint32_t>(arena), 0, segment - 1}, reader.line_count_ * line_bytes));
    return reader;
}

void RecordReader::close(Heap& heap) {
    if (lines_ != nullptr) heap.deallocate(lines_);
    lines_ = nullptr;
}

}  // namespace ipcrun
