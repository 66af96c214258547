// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How long an allreduce by messages without a tree takes, and what it costs that members share
/// CPUs.

#include "topology/choice/choice.hpp"
#include "topology/tree/tree.hpp"

namespace ipcrun::topology {

/// 2 (n - 1) steps of bytes / n around the positions, the first half of them combining. At least 2
/// members. Cost: O(n x depth).
double ring_us(const Costs& costs, double bytes);

/// Steps of all bytes between positions that differ in one bit, and one before and one after when
/// there are more members than a power of two. At least 2 members. Cost: O(n log n x depth).
double recursive_doubling_us(const Costs& costs, double bytes);

/// How many steps those are.
int recursive_doubling_steps(int members);

/// As time_of, for messages that are not cut into segments: 2 R of the root. Cost: O(n x depth).
double whole_messages_us(const Tree& tree, const Costs& costs, double bytes);

/// What is predicted for members with a CPU each, on fewer. A member that waits gives its CPU to
/// the next one, which may wait, too: a step in which all take part takes a switch for each member
/// of a CPU, one on a path through a few of them half of those. And CPUs copy one message at a
/// time: what is ready is taken by whoever is free, so that at most the work and the longest path
/// add up (Graham, "Bounds for certain multiprocessing anomalies", BSTJ 45, 1966).
struct Crowd {
    int members = 1;
    const SharedMemoryCosts* shared = nullptr;  ///< null: a CPU for each

    double members_per_cpu() const;
    /// `busy_us`: of a member in a step.
    double of_steps(double us, int steps, double busy_us) const;
    /// `busy_us`: of all members together.
    double of_path(double us, int steps, double busy_us) const;
};

/// For which sender and receiver of `bytes` are busy, in a typical message.
double typical_busy_us(const Costs& costs, double bytes);

}  // namespace ipcrun::topology
