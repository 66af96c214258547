// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The memory of a queue of messages between processes (runtime/shared_queue.hpp): what lies where
/// in its memfd. Made by whoever offers the queue, a process or an agent; mapped by those who use
/// it.
///
/// What is true is in the slots and in the table of participants, where every transition is one
/// atomic store. All else behind the lock are books, which are made anew from the slots when a
/// process has died in the middle of changing them.

#include <pthread.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/mapping.hpp"
#include "base/unique_fd.hpp"
#include "runtime/wire/bell.hpp"

namespace ipcrun {

constexpr std::uint32_t queue_slots_max = 1u << 24;
constexpr std::uint32_t queue_participants_max = 4096;
/// Items up to this lie in their slot.
constexpr std::size_t queue_small_bytes_max = 256;
/// Free runs of bytes that are remembered.
constexpr std::uint32_t queue_runs_max = 1024;

enum class SlotState : std::uint8_t {
    free,
    reserved,  ///< a writer copies an item
    ready,     ///< an item that waits for a reader
    taken,     ///< a reader holds the item
};

struct QueueSlot {
    /// A SlotState, and above it the number of the participant that has reserved or taken it.
    std::atomic<std::uint64_t> word;
    std::uint64_t sequence;  ///< of what is ready: the order of reading
    std::uint64_t bytes;     ///< of the item
    std::uint64_t offset;    ///< in the queue's data, of an item that is not in its slot
    std::uint64_t room;      ///< bytes taken from there; 0: none
    std::uint32_t next;      ///< book: the next one of its list, plus 1
    std::uint32_t padding[5];
    std::byte small[queue_small_bytes_max];
};
static_assert(sizeof(QueueSlot) == 320);

/// An attachment of a process.
struct QueueParticipant {
    std::atomic<std::uint64_t> word;  ///< its pid; 0: nobody
    std::atomic<std::uint64_t> start_time;
    std::atomic<std::uint64_t> pid_namespace;
    std::uint64_t padding;
};

/// Bytes of the data that nobody has.
struct QueueRun {
    std::uint64_t offset;
    std::uint64_t bytes;
    std::uint64_t is_warm;  ///< pages are held for them
};

struct QueueHeader {
    // Never changes:
    std::uint64_t magic;
    std::uint64_t nonce;     ///< told to those who are to find this memory again
    std::uint64_t capacity;  ///< items that may wait; 0: no limit
    std::uint64_t data_bytes;

    alignas(64) pthread_mutex_t mutex;  ///< robust; guards all books and changes of slots
    std::uint32_t is_stale;             ///< the books must be made anew

    // Books:
    std::uint32_t touched;     ///< slots from here on were never used
    std::uint32_t in_use;      ///< slots that are not free
    std::uint32_t free_first;  ///< slots, plus 1; lists end with 0
    std::uint32_t ready_first;
    std::uint32_t ready_last;
    std::uint64_t next_sequence;
    std::uint64_t data_top;       ///< bytes from here on were never used
    std::uint64_t warm_bytes;     ///< of the runs
    std::uint64_t dropped_bytes;  ///< free bytes that found no room among the runs
    std::uint64_t large_bytes;    ///< how large items have lately been
    std::uint32_t runs;

    // Written with the lock, read without:
    alignas(64) std::atomic<std::uint64_t> ready;  ///< items that can be read
    std::atomic<std::uint64_t> waiting;            ///< and those that are being written
    std::atomic<std::uint32_t> closed;
    std::atomic<std::uint32_t> lost_pid;       ///< the last that ended with the queue open
    std::atomic<std::uint64_t> starved_bytes;  ///< there was no room for so many; 0: there is
    std::atomic<std::int64_t> looked_at;       ///< steady time in ns: last look for the dead
    std::atomic<std::int64_t> large_at;        ///< when a large item was last written
    std::atomic<std::uint32_t> participants;   ///< of the table, from here on never used

    alignas(64) Bell readable;
    alignas(64) Bell writable;

    alignas(64) QueueRun run[queue_runs_max];  ///< by offset
};

/// A mapping of such memory. What it answers stays within, whatever others have written there.
class QueueMemory {
  public:
    /// `data_bytes` (0: as much as the machine has memory, within reason) are for items that are
    /// not small; pages are held where items lie. Throws Error{usage} for a capacity that cannot
    /// be.
    static UniqueFd create(std::uint64_t capacity, std::uint64_t data_bytes = 0);

    /// Throws Error{protocol} when it is something else, or made by another version of ipcrun.
    explicit QueueMemory(UniqueFd fd);

    QueueHeader& header() const { return *reinterpret_cast<QueueHeader*>(mapping_.data()); }
    QueueParticipant& participant(std::uint32_t index) const;
    /// Throws Error{protocol} for an index that cannot be, as all do that are given numbers from
    /// the memory.
    QueueSlot& slot(std::uint32_t index) const;
    /// Where `bytes` of data lie.
    std::byte* data(std::uint64_t offset, std::uint64_t bytes) const;

    std::uint64_t capacity() const { return capacity_; }
    std::uint64_t data_bytes() const { return data_bytes_; }
    std::uint64_t nonce() const { return nonce_; }
    int fd() const { return fd_.get(); }

    /// Gives pages that lie wholly within back to the system; they read as zeros from then on.
    void punch_data(std::uint64_t offset, std::uint64_t bytes) const;
    void punch_slots(std::uint32_t first, std::uint32_t end) const;

  private:
    void punch(std::uint64_t first, std::uint64_t end) const;

    UniqueFd fd_;
    Mapping mapping_;
    std::uint64_t capacity_ = 0, data_bytes_ = 0, nonce_ = 0;
};

/// "the memory of the queue has been written over": what a process finds that believes nothing.
[[noreturn]] void fail_overwritten();

}  // namespace ipcrun
