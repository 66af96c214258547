// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The stream of records from one member to another: segments in the sender's arena, each full of
/// records, chained. One writes, one reads; a segment that was read goes back to the writer's heap.

#include <cstddef>
#include <cstdint>

#include "runtime/channel.hpp"
#include "runtime/heap.hpp"

namespace ipcrun {

/// The sender's end.
class RecordWriter {
  public:
    /// Room for the next record with `payload_bytes`, up to inlined_bytes_max; it can be seen once
    /// it is committed. Null when the heap is full. `backlog_bytes`, what the receiver has not
    /// received, says how large a new segment should be.
    Record* begin(Heap& heap, Channel& channel, std::size_t payload_bytes,
                  std::uint64_t backlog_bytes);

    /// Shows the record. A full fence: whoever it was that slept when the record could first be
    /// seen is seen by a load that follows.
    void commit(Record* record, RecordKind kind);

    /// Messages committed so far.
    std::uint64_t count() const { return count_; }

  private:
    bool open_segment(Heap& heap, Channel& channel, std::size_t bytes);
    void clear_ahead();

    Record* lines_ = nullptr;     // of the segment
    std::size_t line_count_ = 0;  // its last line is kept for a jump
    std::size_t position_ = 0;    // the line of the next record
    std::size_t next_ = 0;        // the line behind the record that was begun
    std::size_t cleared_ = 0;     // lines before this one read as `none`, or as what was committed
    std::uint64_t count_ = 0;
};

/// The receiver's end.
class RecordReader {
  public:
    /// May there be a record? A load or two; true also when there is but a jump.
    bool is_ready(const Channel& channel) const {
        const Record* next = lines_ + position_;
        return lines_ == nullptr ? channel.first_segment.load() != 0
                                 : next->kind.load() != RecordKind::none;
    }

    /// The next record, or null. `heap` is the reader's own, `arena` the rank that writes. Throws
    /// Error{protocol} when the segment holds what no writer writes.
    Record* peek(Heap& heap, const Channel& channel, int arena) {
        if (lines_ != nullptr) [[likely]] {
            const RecordKind kind = lines_[position_].kind.load();
            if (kind == RecordKind::none) return nullptr;
            if (kind != RecordKind::jump) [[likely]]
                return checked(&lines_[position_], kind, arena);
        }
        return peek_further(heap, channel, arena);
    }

    /// Goes past the record that peek() gave.
    void advance(const Record& record);

    /// Messages that it went past.
    std::uint64_t count() const { return count_; }

    /// Leaves a note in the channel of where this reader stands, so that another can go on.
    void leave(Channel& channel, const NodeMemory& memory) const;
    static RecordReader resume(const Channel& channel, NodeMemory& memory, int arena);
    /// Returns the segment that it stands in, when nobody writes any more.
    void close(Heap& heap);

  private:
    Record* peek_further(Heap& heap, const Channel& channel, int arena);
    Record* checked(Record* record, RecordKind kind, int arena) const;

    Record* lines_ = nullptr;
    std::size_t line_count_ = 0;
    std::size_t position_ = 0;
    std::uint64_t count_ = 0;
};

}  // namespace ipcrun
