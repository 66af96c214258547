// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Ranks that meet: who the members are, the operations that all of them call together, and the
/// messages between any two.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/deadline.hpp"
#include "runtime/call_site.hpp"
#include "runtime/collective.hpp"
#include "runtime/message.hpp"
#include "runtime/request.hpp"

namespace ipcrun {

/// Sub-groups that the machine suggests; see Communicator::split.
enum class Locality : std::uint8_t { node, numa, l3 };

/// Where a member is in a tree of all members.
struct TreePlace {
    int parent = -1;  ///< a member; -1 at the root
    /// Members, in the order in which their values are best taken; results go to them in the
    /// opposite order. Borrowed until the communicator goes.
    std::span<const int> children;
};

/// A communicator is used by one thread at a time; different ones by different threads at the same
/// time. All members call the same collective operations in the same order. Operations block,
/// unless they are started, and throw Error:
///   usage      the call makes no sense; thrown before it counts: other members wait for a call
///              that does.
///   mismatch   members called different operations, or with different shapes; names both places.
///              Memory is untouched, and the communicator works on.
///   peer_lost  a member died, left or closed the communicator while it was still needed, or could
///              not go on; `rank` names the first to fail.
///   timeout    the deadline passed, here or at another member.
///   system     this member cannot go on: its heap is full, say. The others get peer_lost.
///   After the last three the contents of the memory are undefined, and every later operation
///   throws the same at once; other communicators work on. No member returns before no living
///   member touches its memory.
class Communicator {
  public:
    struct Impl;
    explicit Communicator(std::unique_ptr<Impl> impl);
    Communicator(Communicator&&) noexcept;
    Communicator& operator=(Communicator&&) noexcept;
    /// Gives up what was started and not waited for: the other members get peer_lost there, and
    /// wherever they need this member later. Not collective: members may drop a communicator at
    /// different times. Blocks only while a member copies what this one sent.
    ~Communicator();

    int rank() const;  ///< of this process among the members, from 0
    int size() const;
    /// The members' ranks in the world, in order.
    std::span<const int> members() const;
    /// Are all members on one host, where each can address what another has in the shared heap?
    bool shares_memory() const;
    /// The best tree for small values to go up and results back down, by the places that the ranks
    /// were given: at most two children each, the same on all members, for as long as the
    /// communicator lives. Of the world, and others of all its ranks, it is what the launcher
    /// planned. In deterministic jobs it follows from the number of members alone, and who is below
    /// a member is numbered behind it. Not collective. Throws Error{usage} when there is no such
    /// member. Cost: at the first call that of finding the tree, milliseconds for thousands of
    /// members.
    TreePlace tree_place(int member) const;

    /// Runs `collective`: returns when this member's part of it is done.
    void run(const Collective& collective, Deadline deadline = Deadline::never(),
             CallSite site = {});

    /// Starts it and returns; the memory of its parts is in use until the request is done. Peers
    /// that wait do the work, also that of members that compute. Several may be under way, begun in
    /// the same order everywhere and waited for in any; beginning one more than `started_max` waits
    /// for the oldest. The deadline is that of the operation. Throws what run() throws before the
    /// operation has begun; what goes wrong from then on, here or in older ones, the request tells.
    [[nodiscard]] Request start(const Collective& collective, Deadline deadline = Deadline::never(),
                                CallSite site = {});
    static constexpr int started_max = 8;

    void barrier(Deadline deadline = Deadline::never(), CallSite site = {}) {
        run(Collective::barrier(), deadline, site);
    }
    void allreduce(std::span<const Part> parts, Op op, Deadline deadline = Deadline::never(),
                   CallSite site = {}) {
        run(Collective::allreduce(parts, op), deadline, site);
    }
    void broadcast(std::span<const Part> parts, int root, Deadline deadline = Deadline::never(),
                   CallSite site = {}) {
        run(Collective::broadcast(parts, root), deadline, site);
    }

    /// Messages. Their timeouts fail nothing but the call, and a member that left, or closed the
    /// communicator, in good order is missed only by those who wait for its message, or send it
    /// one.
    ///
    /// Sends the parts, side by side, to member `to`. Returns as soon as they may be changed: when
    /// they have been copied, or taken by a receiver that waits for them. It waits for a receiver
    /// that is behind by more than the lag; see set_lag. When both wait so for each other, without
    /// deadlines, it is an Error{usage} for both, and neither message is sent. Messages between two
    /// members with equal tags arrive in order. Cost: up to 2 KiB one copy; above, one copy into
    /// memory that the receiver keeps or copies again, or straight into a receiver that waits.
    void send(std::span<const Part> parts, int to, int tag = 0,
              Deadline deadline = Deadline::never(), CallSite site = {});

    /// Receives one message straight into the parts, in the order of arrival among those that
    /// match. Throws mismatch, and leaves the message where it is, when it has not as many bytes
    /// as the parts together or elements of another dtype.
    Envelope receive(std::span<const Part> parts, int from = any_source, int tag = any_tag,
                     Deadline deadline = Deadline::never(), CallSite site = {});

    /// Receives one message of any size: memory of the shared heap that is the caller's from now
    /// on. Cost: no copy, unless the message is longer than the lag.
    Message receive_message(int from = any_source, int tag = any_tag,
                            Deadline deadline = Deadline::never(), CallSite site = {});

    /// The first message that matches, left where it is; probe waits for it, test_message does not.
    Envelope probe(int from = any_source, int tag = any_tag, Deadline deadline = Deadline::never(),
                   CallSite site = {});
    std::optional<Envelope> test_message(int from = any_source, int tag = any_tag,
                                         CallSite site = {});

    /// send and receive as requests. A started receive takes part in the order of receives: the
    /// first one that matches gets the message. They go on in every call about messages and in
    /// test() and wait() of requests about messages, not in collective operations.
    [[nodiscard]] Request start_send(std::span<const Part> parts, int to, int tag = 0,
                                     CallSite site = {});
    [[nodiscard]] Request start_receive(std::span<const Part> parts, int from = any_source,
                                        int tag = any_tag, CallSite site = {});

    /// How many bytes this member may have sent to another that has not received them, before a
    /// send waits. A longer message goes when the receiver comes for it. 256 MiB at first.
    void set_lag(std::size_t bytes);

    /// Collective: members that give the same colour (0 or more) become a communicator, in the
    /// order of `key`, then of rank here. Those who give a negative colour get none.
    std::optional<Communicator> split(int colour, int key = 0,
                                      Deadline deadline = Deadline::never(), CallSite site = {});
    /// Collective: the members that share a node, a NUMA node or a last-level cache with this one.
    /// Where the launcher bound nobody, all are taken to share.
    Communicator split(Locality locality, Deadline deadline = Deadline::never(),
                       CallSite site = {});

    Impl& impl() { return *impl_; }

  private:
    std::optional<Communicator> split_into(int colour, int key, std::uint64_t meaning,
                                           Deadline deadline, CallSite site);

    std::unique_ptr<Impl> impl_;
};

}  // namespace ipcrun
