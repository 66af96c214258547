// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The allreduce algorithms over messages: in which order one member takes its steps. All members
/// call the same with equal arguments.

#include <span>

#include "runtime/message_steps.hpp"
#include "topology/tree/tree.hpp"

namespace ipcrun {

/// Along each tree goes its share of the elements (they are cut into as many as there are trees),
/// in pieces of `segment_bytes` at most (0: in one): up to the root, combined on the way, and back
/// down, the first pieces while later ones are still on their way up.
///
/// Nobody waits in a circle, however few bytes messages can hold: all take the steps of all pieces,
/// trees and ways in the same order, and within one the messages follow the tree.
void allreduce_along_trees(MessageSteps& steps, std::span<const topology::Tree> trees,
                           std::size_t segment_bytes);

/// Around a ring of the members in `order`: in n - 1 steps each has a share of the elements from
/// all, in n - 1 more all shares of the others (Patarasuk and Yuan, "Bandwidth optimal all-reduce
/// algorithms for clusters of workstations", JPDC 69, 2009).
void allreduce_around_ring(MessageSteps& steps, std::span<const int> order);

/// Between members whose positions in `order` differ in one bit, bit by bit, with all elements.
/// Beyond the largest power of two members first give their values to a neighbour, and get the
/// result in the end (Thakur, Rabenseifner and Gropp, "Optimization of collective communication
/// operations in MPICH", IJHPCA 19, 2005).
void allreduce_by_doubling(MessageSteps& steps, std::span<const int> order);

}  // namespace ipcrun
