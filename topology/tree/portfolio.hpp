// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The trees that are tried, of which the fastest is kept.

#include <string_view>

#include "topology/tree/best_tree.hpp"

namespace ipcrun::topology {

class Portfolio {
  public:
    /// Borrows `costs`, of at least 2 members.
    Portfolio(const Costs& costs, const TreeWish& wish) : costs_(costs), wish_(wish) {}

    /// Puts the children into the best order, and keeps the tree if none before was as fast.
    void offer(Tree tree, std::string_view method);

    /// Waves, chains, and chains joined by a tree: for any number of members.
    void offer_large();
    /// Greedy trees and paths, and what a search makes of the best: up to small_max members.
    void offer_small();

    const PlannedTree& best() const { return best_; }

  private:
    void offer_wave(int degree_max, double bytes);
    void offer_chains();

    const Costs& costs_;
    const TreeWish& wish_;
    PlannedTree best_ = {};
};

constexpr int small_max = 64;

}  // namespace ipcrun::topology
