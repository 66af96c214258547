// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The allreduce of members on several hosts: first among those of each host, then between hosts in
/// lanes that go side by side, then back.

#include <span>
#include <vector>

#include "runtime/part.hpp"
#include "runtime/reduce.hpp"
#include "runtime/storage.hpp"
#include "runtime/world/host_choice.hpp"
#include "runtime/world/host_lane.hpp"
#include "runtime/world/host_segments.hpp"
#include "runtime/world/host_steps.hpp"

namespace ipcrun {

/// Kept for the life of a communicator: it remembers what is fastest, and its buffers are in use by
/// members of this host until an operation is done, or given up.
class HostAllreduce {
  public:
    /// `node`: of the members here. Both outlive it. `is_deterministic`: the result is what the
    /// same ranks would have on one host, to the bit; see docs/DESIGN.md for what that costs.
    HostAllreduce(HostSteps& steps, NodeCommunicator& node, bool is_deterministic);

    /// Combines the parts in place, of any dtypes and strides. All members call it with the same
    /// shapes, which was verified. The deadline is that of the steps. `tag`: the first of `tags`
    /// numbers of messages that are this operation's alone.
    ///
    /// When it throws, members of this host may still be working on the parts: the communicator
    /// `node` is to be given up before they are let go.
    void run(std::span<const Part> parts, Op op, int tag, CallSite site);
    static constexpr int tags = 256;

    HostChoice& choice() { return choice_; }

  private:
    /// What is the same for all segments.
    struct Task {
        Op op;
        int tag;
        CallSite site;
    };
    /// A segment on its way.
    struct Turn {
        const HostSegment* segment = nullptr;
        bool is_exact = false;  // the order of members is kept
        std::size_t lanes = 1;
        std::byte* data = nullptr;    // its elements, side by side
        std::byte* values = nullptr;  // of all members here, of what this one holds: when exact
        Request reduced, gathered;
    };
    static constexpr std::size_t turns = 3;  // under way: one in each of three steps

    void begin(Turn& turn, std::size_t number, const HostSegment& segment, const Task& task);
    void run_overlapping(std::span<const HostSegment> segments, const Task& task);
    template <typename Do>
    void reduce_here(const Turn& turn, const Task& task, Do do_collective);
    void reduce_between(const Turn& turn, const Task& task);
    template <typename Do>
    void gather_here(const Turn& turn, const Task& task, Do do_collective);
    void end(const Turn& turn) const;

    void reduce_lane(const Turn& turn, const Task& task, const LaneHolders& holders,
                     std::size_t lane);
    void reduce_lane_exactly(const Turn& turn, const Task& task, const LaneHolders& holders,
                             std::size_t lane);
    std::byte* buffer(std::size_t number, std::size_t bytes);
    std::size_t own_local() const;

    HostSteps& steps_;
    NodeCommunicator& node_;
    bool is_deterministic_;
    HostChoice choice_;
    std::vector<StoragePtr> buffers_;  // of turns: for data, then for values
    std::vector<std::byte> room_;      // for messages
};

}  // namespace ipcrun
