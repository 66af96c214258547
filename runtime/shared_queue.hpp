// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A queue of messages between any processes of one host, in a memory of its own: many write, many
/// read, each item goes to one reader, in the order of writing. Ranks of a job on other hosts reach
/// one that has a name through a rank that has its memory (Job::open_queue).
///
/// A process may end at any instruction, by SIGKILL too: it takes at most the item along that it
/// was writing or reading; what it wrote before stays, and what it held is free again when the
/// others next look. Nobody is waited for but for the length of a critical section, some 0.1 us.

#include <cstdint>
#include <memory>
#include <span>

#include "base/unique_fd.hpp"
#include "runtime/faults.hpp"
#include "runtime/part.hpp"
#include "runtime/queue_status.hpp"
#include "runtime/storage.hpp"
#include "runtime/wire/bell.hpp"

namespace ipcrun {

/// An object of one process, used by any of its threads at the same time. In a child after fork()
/// only descriptor() can be called, and attach() with it; everything else throws Error{usage}. All
/// throw Error: protocol (the memory was written over, as any of its processes could), timeout (a
/// process was stopped in the middle of using the queue, and has not gone on for 30 s).
///
/// Of a queue on another host all that asks or does something is an exchange with the rank that
/// serves it, and throws Error{peer_lost} when that rank has ended.
class SharedQueue {
  public:
    /// What another process of the same user finds a queue by, while the process that named it has
    /// the queue. Bytes that can be sent.
    struct Reference {
        std::uint64_t start_time = 0;  ///< of the process: see ProcessIdentity
        std::uint64_t pid_namespace = 0;
        std::uint64_t nonce = 0;
        std::int32_t pid = 0;
        std::int32_t fd = -1;
    };

    /// `capacity`: how many items may wait to be read; 0: as many as there is memory for, and not
    /// more than 2^24. Throws Error{usage} for one beyond that. `faults` count the writes and reads
    /// of this object.
    static std::shared_ptr<SharedQueue> create(std::uint64_t capacity, Faults faults = {});
    /// The queue whose memory `fd` is. Throws Error: protocol (it is none, or was made by another
    /// version of ipcrun), config (4,096 attachments have it).
    static std::shared_ptr<SharedQueue> attach(UniqueFd fd, Faults faults = {});
    /// The queue that another process, or this one, has named. Throws Error: peer_lost (it has
    /// ended, or let go of the queue), config (it may not be looked into), and as attach().
    static std::shared_ptr<SharedQueue> open(const Reference& reference, Faults faults = {});

    SharedQueue() = default;
    SharedQueue(const SharedQueue&) = delete;
    virtual ~SharedQueue();

    /// Appends the bytes of all parts, as one item; they are copied once. Refused when it is
    /// closed: nothing is written. Does not wait. Throws Error{usage} for strides that make no
    /// sense, and for more bytes than the queue's memory could ever hold.
    virtual QueueOutcome try_write(std::span<const Part> parts) = 0;

    /// Takes the next item: bytes (u8), 64-byte aligned; a long one lies where its writer put it,
    /// and its room is used again when the storage is let go, by any thread. `after` is closed when
    /// the queue was. Does not wait. Throws std::bad_alloc; then the item is still there.
    virtual QueueOutcome try_read(StoragePtr& item, QueueStatus& after) = 0;

    /// For those who wait: false where try_write() or try_read() would be in vain once more, as
    /// nothing has happened since. Costs no exchange with anybody.
    virtual bool may_write() const = 0;
    virtual bool may_read() const = 0;
    /// Whoever has waited, for as long or with as much success as may be, waits no more: a wake-up
    /// that was meant for this process goes to another.
    virtual void writer_leaves() = 0;
    virtual void reader_leaves() = 0;

    /// No more items; those that are there can be read. Any number of times.
    virtual void close() = 0;

    virtual QueueStatus status() const = 0;
    virtual std::uint64_t items() const = 0;  ///< that can be read
    virtual std::uint64_t capacity() const = 0;

    /// Rung when there is something to read, or room to write: for one sleeper; and for all when
    /// the queue was closed, is drained, or a process was lost. Whoever sleeps on one looks again
    /// at least every 100 ms, by check_company: who should have rung may have been killed.
    virtual Bell& readable() const = 0;
    virtual Bell& writable() const = 0;

    /// For those who wait, about every 100 ms. Frees what dead processes held. Throws
    /// Error{peer_lost} when a process ended without letting go of the queue, which is not closed,
    /// and no other process has it any more.
    virtual void check_company() = 0;
    /// The same without the exception: the pid of such a process; 0: there is none.
    virtual std::uint32_t find_lost_company() = 0;
    /// Has another process the queue now? One that is about to open it does not.
    virtual bool has_company() const = 0;

    /// Names the queue to others on its host, for as long as this object lives. Of one on another
    /// host it says which it is, and cannot be opened.
    virtual Reference reference() const = 0;
    /// The memory, borrowed; -1: it is on another host.
    virtual int descriptor() const = 0;
};

}  // namespace ipcrun
