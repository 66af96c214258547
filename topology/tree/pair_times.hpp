// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The time of trees over few members, of which very many are tried: the same as time_of with the
/// children in the best order, from tables of all pairs.

#include <span>
#include <vector>

#include "topology/link/costs.hpp"
#include "topology/tree/load.hpp"

namespace ipcrun::topology {

class PairTimes {
  public:
    PairTimes(const Costs& costs, double bytes);

    int size() const { return pairs_.size; }
    double bytes() const { return bytes_; }
    const LinkCost& between(int a, int b) const { return pairs_.costs[a * pairs_.size + b]; }
    /// For which a message of `bytes`, and its share of combining, keeps both ends busy.
    double busy_us(int a, int b, double bytes) const {
        const LinkCost& cost = between(a, b);
        return cost.gap_us + bytes * (cost.us_per_byte + reduce_us_per_byte_ / 2);
    }

    /// T of the tree with these parents, for the best of half, as many and twice the segments that
    /// the call before ended with; `least`: another answer than one that is at least so much does
    /// not matter.
    double us(std::span<const int> parent, double least);
    /// Lets the next call begin with all numbers of segments.
    void forget_segments() { segments_ = 0; }
    int segments() const { return segments_; }

  private:
    void order(std::span<const int> parent);
    double period_us(double segment_bytes) const;
    double once_us(double segment_bytes);
    void load(std::span<const int> parent);

    PairMatrix pairs_;
    double bytes_;
    double reduce_us_per_byte_;
    int segments_ = 0;
    // Scratch: members parents first, where the children of each begin in that order, R; loads.
    std::vector<int> order_ = {}, first_ = {}, count_ = {}, place_ = {};
    std::vector<double> ready_ = {}, edges_ = {};
    std::vector<Load> loads_ = {};
};

}  // namespace ipcrun::topology
