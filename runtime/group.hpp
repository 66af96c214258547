// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What collectives and messages of one communicator stand on: who the members are, the memory they
/// share, how they wait, and what becomes of everybody when one is lost.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/deadline.hpp"
#include "base/error.hpp"
#include "runtime/call_site.hpp"
#include "runtime/communicator_block.hpp"
#include "runtime/faults.hpp"
#include "runtime/heap.hpp"
#include "runtime/node_memory.hpp"
#include "runtime/waiter.hpp"

namespace ipcrun {

struct Identity {
    std::uint32_t id = 0;            ///< the world is 0
    std::uint32_t epoch = 0;         ///< grows when a communicator is made anew after a failure
    std::vector<int> members;        ///< ranks on this node, in order of the communicator's ranks
    int rank = 0;                    ///< of this process (or thread) in `members`
    std::uint64_t block_offset = 0;  ///< of its CommunicatorBlock in the control segment
    /// Of the operation before its first, equal for all members. Numbers run over; a fresh
    /// block reads as if number 0 had just been.
    std::uint32_t sequence = 0;
    /// What errors call the members, where that is not their number here.
    std::vector<int> called = {};
    /// Of the members in the job, where `members` are not: it has ranks on other hosts.
    std::vector<int> ranks = {};
    /// For messages only: a member that ended, however it did, has departed, and the others go on.
    bool ends_are_departures = false;
    /// Where the members are must not show in any result: see wants_determinism().
    bool is_deterministic = false;
    /// All members are threads of one process: none ends in the middle of a copy.
    bool is_one_process = false;
};

/// Asks for the end of a rank (of the world) that does not let go of peers' memory: see Fence in
/// wire/worker_protocol.hpp. Called by any thread; the rank may have been ended already. Empty
/// where nobody can do it.
using AskForEnd = std::function<void(int rank)>;

class Group {
  public:
    /// `heap` is this rank's own.
    Group(std::shared_ptr<Heap> heap, Identity identity, Faults faults = {},
          AskForEnd ask_for_end = {});
    Group(const Group&) = delete;

    int rank() const { return identity_.rank; }
    int size() const { return static_cast<int>(identity_.members.size()); }
    const Identity& identity() const { return identity_; }
    /// The number that errors give a member.
    int called(int member) const {
        return identity_.called.empty() ? member
                                        : identity_.called[static_cast<std::size_t>(member)];
    }

    const std::shared_ptr<Heap>& heap() const { return heap_; }
    NodeMemory& memory() const { return memory_; }
    const ControlSegment& control() const { return control_; }
    CommunicatorBlock& block() const { return block_; }
    Member& member(int index) const { return block_.member(index); }
    RankSlot& slot(int member) const { return control_.rank(identity_.members[member]); }
    RankState state_of(int member) const { return slot(member).state.load(); }
    /// Will `member` do nothing more with this communicator, though nothing went wrong? What it did
    /// before can be seen then.
    bool has_departed(int member) const;
    /// Has the process of `member` ended, so that it touches no memory any more?
    bool has_ended(int member) const;
    /// Is the end of a member its departure, whatever it was in the middle of? Then nothing that a
    /// member claims in shared memory may be needed by the others.
    bool survives_ends() const { return identity_.ends_are_departures; }
    /// May one member copy to where another wants it, or a part of what another copies? Where ends
    /// are survived, the end of either would leave the copy half done.
    bool may_copy_together() const { return !survives_ends() || identity_.is_one_process; }
    /// Wakes `member` where it waits for messages, after a sequentially consistent write.
    void ring_mail(int member) const {
        block_.member(member).mail.ring_all();
        control_.ring_doorbell(identity_.members[member]);
    }
    Waiter& waiter() { return waiter_; }
    const Faults& faults() const { return faults_; }
    const AskForEnd& ask_for_end() const { return ask_for_end_; }

    /// The last collective operation that this member has begun.
    std::uint32_t sequence() const { return sequence_; }
    std::uint32_t next_sequence() { return ++sequence_; }

    /// May all members reach private memory of each other through the kernel? False until all have
    /// told, which each does in learn_peer_access: to be called when all have come.
    bool has_peer_access();
    void learn_peer_access();

    /// Throws why this communicator is unusable, if it is; also in a child after fork().
    void check_usable() const;

    std::uint32_t alert() const { return control_.header().alert.load(); }

    /// Waits for `condition`: true; false when the deadline passes. Whenever the node's alert
    /// differs from `alert_seen`, `look_around()` is called: it reports if it is asked to, and
    /// throws when there is nothing left to wait for, or sets `alert_seen` to what alert() was
    /// before.
    template <typename Condition, typename LookAround>
    bool wait(Bell& bell, const std::uint32_t& alert_seen, Deadline deadline, Condition condition,
              LookAround look_around) {
        for (;;) {
            switch (waiter_.wait(bell, alert_seen, deadline, condition)) {
                case WaitResult::ready:
                    return true;
                case WaitResult::alerted:
                    look_around();
                    break;
                case WaitResult::timed_out:
                    return false;
            }
        }
    }

    /// A member that failed, the first of all to fail if it is a member; -1 when none has, or ends
    /// are departures.
    int find_failed() const;

    /// This member cannot go on with the communicator, because of `culprit` (a member): records it
    /// unless another failure was first, wakes all, waits until no living member touches memory of
    /// others (and has those ended that do not let go of it), and throws: now and at every later
    /// check_usable(). `sequence`: of the first
    /// operation that it will not finish. `attempt` says what this member was doing.
    [[noreturn]] void give_up(ErrorCode code, int culprit, std::uint32_t sequence,
                              const std::string& attempt, const std::string& message);
    /// The same for who lets go of the communicator in the middle of an operation: throws nothing.
    void abandon(std::uint32_t sequence);
    /// Another thread of this member has it go, or (timeout) will not wait any longer: what is
    /// under way here ends with an error at once, as abandon() would have it for the others.
    void interrupt(ErrorCode code = ErrorCode::peer_lost) const;
    bool has_given_up() const { return failure_ != nullptr; }
    /// What another member recorded by give_up.
    struct Failure {
        ErrorCode code;
        int culprit;
        std::uint32_t sequence;
    };
    std::optional<Failure> recorded_failure() const;
    std::string describe(const Failure& failure) const;

    /// Notes a call in this rank's diary: for messages about disagreements and stalls.
    void record(const Fingerprint& print, std::uint32_t sequence, CallSite site);
    /// "allreduce(10 f32, sum) at train.lua:12": what a member called as number `sequence`.
    std::string describe_call(int member, std::uint32_t sequence) const;
    /// The line about it in the diary of that member; null when there is none.
    const OpRecord* find_record(int member, std::uint32_t sequence) const;
    /// "failed: signal 9 (Killed)": how a member ended. `arrived`: at what it was needed for.
    std::string describe_end(int member, bool arrived) const;
    /// "left", "ended: signal 9 (Killed)": what a member that has departed has done.
    std::string describe_departure(int member) const;

  private:
    void record_failure(ErrorCode code, int culprit, std::uint32_t sequence);
    void wait_until_untouched();

    std::shared_ptr<Heap> heap_;
    NodeMemory& memory_;
    const ControlSegment& control_;
    Identity identity_;
    CommunicatorBlock& block_;
    Waiter waiter_;
    Faults faults_;
    AskForEnd ask_for_end_;
    std::uint32_t sequence_;
    PeerAccess peer_access_ = PeerAccess::unknown;  // what is known of all members
    std::unique_ptr<Error> failure_;                // why nothing works any more
};

}  // namespace ipcrun
