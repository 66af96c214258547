// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Ranks that meet: who the members are, and the operations that all of them call together.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <source_location>
#include <span>
#include <string>
#include <vector>

#include "base/deadline.hpp"
#include "base/error.hpp"
#include "runtime/communicator_block.hpp"
#include "runtime/faults.hpp"
#include "runtime/heap.hpp"
#include "runtime/node_memory.hpp"
#include "runtime/reduce.hpp"
#include "runtime/waiter.hpp"

namespace ipcrun {

/// Where an operation was called: told to everyone when ranks disagree. The text is borrowed for
/// the call; only its end is kept when it is long.
struct CallSite {
    const char* file;
    int line;

    CallSite(const char* file_name, int line_number) : file(file_name), line(line_number) {}
    CallSite(std::source_location where = std::source_location::current())
        : file(where.file_name()), line(static_cast<int>(where.line())) {}
};

/// Contiguous memory that takes part in an operation, aligned for its elements; borrowed for the
/// call. Memory from the shared heap is worked on in place by any rank; other memory is copied
/// through the heap, and so is what is given twice, for all of it is read before any is written.
struct Part {
    void* data = nullptr;
    std::size_t count = 0;  ///< elements
    Dtype dtype = Dtype::f32;

    std::size_t bytes() const { return count * size_of(dtype); }
};

/// A communicator is used by one thread at a time; every member calls the same operations in the
/// same order. All operations block, and throw Error:
///   usage      the call makes no sense; thrown before it counts: other members wait for a call
///              that does.
///   mismatch   a member called another operation or other shapes; names both places. Memory is
///              untouched, and the communicator works on.
///   peer_lost  a member died, left while it was still needed, or could not go on; `rank` names the
///              first to fail.
///   timeout    the deadline passed, here or at another member.
///   system     this member cannot go on: its heap is full, say. The others get peer_lost.
///   After the last three the contents of the memory are undefined, and every later operation
///   throws the same at once. No member returns before no living member touches its memory.
class Communicator {
  public:
    struct Identity {
        std::uint32_t id = 0;      ///< the world is 0
        std::uint32_t epoch = 0;   ///< grows when a communicator is made anew after a failure
        std::vector<int> members;  ///< ranks on this node, in order of the communicator's ranks
        int rank = 0;              ///< of this process (or thread) in `members`
        std::uint64_t block_offset = 0;  ///< of its CommunicatorBlock in the control segment
        /// Of the operation before its first, equal for all members. Numbers run over; a fresh
        /// block reads as if number 0 had just been.
        std::uint32_t sequence = 0;
    };

    /// `heap` is where memory from elsewhere is copied through; this rank's own.
    Communicator(std::shared_ptr<Heap> heap, Identity identity, Faults faults = {});
    Communicator(const Communicator&) = delete;

    int rank() const { return identity_.rank; }
    int size() const { return static_cast<int>(identity_.members.size()); }
    const Identity& identity() const { return identity_; }
    Waiter& waiter() { return waiter_; }

    /// Returns once every member has called it. Cost: one flag exchange.
    void barrier(Deadline deadline = Deadline::never(), CallSite site = {});

    /// Combines the parts element by element over all members, in place, as one operation: after it
    /// all members hold the same bits (see reduce() for the order of summation). Every member gives
    /// as many parts, of equal counts and dtypes. `layout` is a hash of what the parts are to the
    /// caller (the keys of a table, say), 0 for nothing in particular; members must agree on it
    /// too. Cost: up to 1 KiB one flag exchange and n reads; above, n reads and n writes of every
    /// byte, shared out among the members, which is the minimum.
    void allreduce(std::span<const Part> parts, Op op, Deadline deadline = Deadline::never(),
                   CallSite site = {}, std::uint64_t layout = 0);

    /// Copies the parts of member `root` to the parts of all others.
    void broadcast(std::span<const Part> parts, int root, Deadline deadline = Deadline::never(),
                   CallSite site = {}, std::uint64_t layout = 0);

  private:
    enum class Kind : std::uint8_t { barrier, allreduce, broadcast };
    /// One operation on its way.
    struct Operation {
        Fingerprint fingerprint;
        Deadline deadline;
        CallSite site;
        std::uint32_t sequence = 0;
        // All have agreed to share its work: nobody departs in good order before it is done.
        bool is_shared_out = false;
    };

    // communicator.cpp: what every operation does
    void begin(Operation& operation);
    Arrival& arrival_of(int member, std::uint32_t sequence) const;
    void arrive(const Operation& operation, int wake_count);
    void verify(const Operation& operation) const;
    bool has_arrived(int member, std::uint32_t sequence) const;
    bool all_arrived(std::uint32_t sequence);
    void meet(const Operation& operation, int wake_count);
    template <typename Condition>
    void wait_for(const Operation& operation, Condition condition) {
        for (;;) {
            switch (waiter_.wait(block_.bell, alert_seen_, operation.deadline, condition)) {
                case WaitResult::ready:
                    return;
                case WaitResult::alerted:
                    look_around(operation);
                    break;
                case WaitResult::timed_out:
                    time_out(operation);
            }
        }
    }

    // failures.cpp: what happens when something is wrong
    bool is_alerted() const { return control_.header().alert.load() != alert_seen_; }
    void look_around(const Operation& operation);
    void look_again();
    [[noreturn]] void give_up(const Operation& operation, ErrorCode code, int rank,
                              const std::string& message);
    [[noreturn]] void time_out(const Operation& operation);
    void wait_until_untouched();
    std::string describe_call(int member, std::uint32_t sequence) const;
    std::string describe_end(int member, std::uint32_t sequence) const;
    std::string describe_failure(std::uint64_t failure) const;
    std::vector<int> missing_members(std::uint32_t sequence) const;

    // collectives.cpp: small operations travel beside the arrival flags
    static Fingerprint fingerprint(Kind kind, std::span<const Part> parts, Op op, int root,
                                   std::uint64_t layout = 0);
    void collective(const Fingerprint& print, std::span<const Part> parts, Deadline deadline,
                    CallSite site);
    void exchange_inline(const Operation& operation, Kind kind, std::span<const Part> parts, Op op,
                         int root);

    // large_collectives.cpp: large ones are worked on in place, by all who have a CPU
    struct Task;     // one large operation: which chunks, what to do with them
    struct Staging;  // what it borrows of the shared heap
    void exchange_in_place(Operation& operation, Kind kind, std::span<const Part> parts, Op op,
                           int root);
    void share_out(Operation& operation, Kind kind, std::span<const Part> parts, Op op, int root,
                   Staging& staging);
    void publish(const Operation& operation, std::span<const HeapRef> refs, bool are_list);
    void resolve_addresses(const Operation& operation, std::span<const Part> parts);
    void work(const Operation& operation, const Task& task);
    bool is_finished(const Operation& operation) const;
    bool was_finished_soon(const Operation& operation, Clock::time_point start);
    bool work_on_slice(const Operation& operation, const Task& task, int owner);
    void work_on_chunk(const Operation& operation, const Task& task, std::uint32_t chunk,
                       std::uint32_t slice_end);
    void work_on_run(const Task& task, std::size_t part, std::size_t from, std::size_t to,
                     std::size_t next_bytes);
    int workers_max() const;

    std::shared_ptr<Heap> heap_;
    NodeMemory& memory_;
    const ControlSegment& control_;
    Identity identity_;
    CommunicatorBlock& block_;
    Waiter waiter_;
    Faults faults_;
    std::uint32_t sequence_ = 0;
    std::uint32_t alert_seen_ = 0;
    bool look_again_ = false;  // what did not matter for one operation may for the next
    int first_missing_ = 0;
    std::unique_ptr<Error> failure_;  // why nothing works any more
    // What the counters of Work have come to, for odd and even operations:
    std::uint32_t workers_before_[2] = {};
    std::uint32_t chunks_finished_[2] = {};
    // Scratch of large operations, kept so that they need not allocate:
    std::vector<HeapRef> refs_;          // where the own parts lie
    std::vector<std::size_t> starts_;    // Task::starts
    std::vector<std::byte*> addresses_;  // member by member, where its parts lie here
    std::vector<std::byte*> run_;        // member by member, where the run that is reduced lies
};

}  // namespace ipcrun
