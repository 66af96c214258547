// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Who sits where in a step, as all ranks conclude from the same cards. Pure.

#include <vector>

#include "launcher/step/card.hpp"
#include "runtime/wire/job_table.hpp"
#include "runtime/wire/rank_environment.hpp"
#include "topology/machine.hpp"
#include "topology/place/placement.hpp"

namespace ipcrun {

struct StepNode {
    std::string host;
    std::vector<int> ranks;  ///< by local rank, ascending
    int leader() const { return ranks.front(); }
};

struct StepSeats {
    std::vector<Card> cards;      ///< by rank
    std::vector<StepNode> nodes;  ///< by their first ranks
    std::vector<int> node_of;     ///< by rank

    int size() const { return static_cast<int>(cards.size()); }
    const Card& card(int rank) const { return cards[static_cast<std::size_t>(rank)]; }
    const StepNode& node(int index) const { return nodes[static_cast<std::size_t>(index)]; }
    /// What a rank is told, but for its socket.
    RankEnvironment place_of(int rank) const;
    /// "rank 3 on node h2", for people.
    std::string describe(int rank) const;
};

/// Throws Error: protocol (a card makes no sense), config (more ranks on a node than can be).
StepSeats seat_ranks(const std::vector<std::string>& cards);

/// The tree of the world over these seats: the parent of each rank, -1 at the root. `machines`: by
/// node. `is_over_tcp`: no better network is between them.
std::vector<int> plan_tree(const StepSeats& seats, const std::vector<topology::Machine>& machines,
                           bool is_over_tcp);

/// Where the ranks of a node are on its machine, by local rank.
std::vector<topology::Place> places_on(const StepSeats& seats, int node,
                                       const topology::Machine& machine);

/// What ranks of several nodes have to know of each other.
JobDirectory make_directory(const StepSeats& seats, const std::vector<int>& tree_parents);

}  // namespace ipcrun
