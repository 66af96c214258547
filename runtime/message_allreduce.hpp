// SPDX-License-Identifier: Apache-2.0
#pragma once
/// An allreduce over messages, by an algorithm that was chosen before: for members that share no
/// memory, and to compare with Communicator::allreduce where they do.

#include <cstddef>
#include <vector>

#include "runtime/communicator.hpp"
#include "topology/choice/choice.hpp"
#include "topology/tree/tree.hpp"

namespace ipcrun {

/// Equal on all members.
struct MessagePlan {
    topology::Algorithm algorithm = topology::Algorithm::ring;
    std::vector<topology::Tree> trees = {};  ///< tree: one; two_tree: two; in members' numbers
    std::size_t segment_bytes = 0;           ///< trees: of a piece at most; 0: all in one
    std::vector<int> order = {};  ///< ring, recursive_doubling: all members, neighbours beside each
                                  ///< other; empty: by number
};

class MessageAllreduce {
  public:
    /// Collective: makes a communicator of its own for the members of `members`, so that its
    /// messages never meet others. Throws what split throws, and Error{usage} for a plan that does
    /// not fit the members, or whose algorithm takes no messages.
    MessageAllreduce(Communicator& members, MessagePlan plan,
                     Deadline deadline = Deadline::never());

    /// Collective: combines the part of all members element by element, in place. All hold the same
    /// bits then: the order of combination follows the algorithm and is the same for every run of
    /// it, but is not that of reduce(); f16 and bf16 are rounded after every combination of two.
    /// Members give equal counts, dtypes and operators, of which only what messages show is
    /// checked: their number, size and dtype.
    ///
    /// Throws Error as Communicator does: usage before anything was sent; peer_lost and timeout on
    /// all members that are not through with it, system on the one that cannot go on. After those,
    /// and a mismatch, every later run throws at once.
    void run(const Part& part, Op op, Deadline deadline = Deadline::never());

    const MessagePlan& plan() const { return plan_; }

  private:
    void run_plan(const Part& part, Op op, Deadline deadline);

    MessagePlan plan_;
    Communicator own_;
};

}  // namespace ipcrun
