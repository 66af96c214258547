// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The link of every pair of ranks: its class, cost and the physical edges of its path; computed
/// when asked for, never as a table of n^2.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "topology/link/costs.hpp"
#include "topology/link/gpu_paths.hpp"
#include "topology/place/placement.hpp"

namespace ipcrun::topology {

/// A measured cost of one pair that stands in for ours (--links), but for the gap, which such files
/// do not tell.
struct LinkOverride {
    int a = 0, b = 0;  ///< ranks, a < b
    double latency_us = 0;
    double us_per_byte = 0;
    bool operator==(const LinkOverride&) const = default;
};
constexpr int override_ranks_max = 1024;

struct Link {
    LinkClass link_class = LinkClass::self;
    LinkCost cost = {};
    bool measured = false;                ///< of --links
    std::vector<std::string> edges = {};  ///< of its path, in order: "numa 0 port", "pcie
                                          ///< 0000:40:01.1", "nvlink gpu 0-1", "nic mlx5_0 of
                                          ///< node01"
};

class Links {
  public:
    /// Borrows both. `overrides`: for at most override_ranks_max ranks, else Error{usage}; of a
    /// pair that is there twice the dearer counts. An edge is taken to carry what was measured over
    /// it.
    Links(const Cluster& cluster, const Placement& placement, const CostTable& table,
          std::vector<LinkOverride> overrides = {});

    /// Cost: O(depth of the machine).
    Link between(int rank_a, int rank_b) const;
    LinkClass class_between(int rank_a, int rank_b) const;
    /// Is the cost of this pair one of --links?
    bool is_measured(int rank_a, int rank_b) const;

    /// Costs in positions: ranks host by host, on a host along the machine. Ranks with a GPU are
    /// joined by the links of their GPUs, others by those of their CPUs. Memory and time: O(ranks),
    /// and O(k^2) for each layout with k ranks that have GPUs.
    const Costs& costs() const { return costs_; }
    /// By position.
    std::span<const int> rank_at() const { return rank_at_; }

  private:
    void add_hosts();
    void apply_overrides();
    const Layout& layout_of(int host) const;
    void add_edges_within(const Place& a, const Place& b, int host, Link& link) const;
    void add_edges_between(const Place& a, int host_a, const Place& b, int host_b,
                           Link& link) const;

    const Cluster& cluster_;
    const Placement& placement_;
    CostTable table_;
    std::vector<LinkOverride> overrides_;  ///< by pair
    std::vector<GpuPaths> gpu_paths_;      ///< by machine
    Costs costs_;
    std::vector<int> rank_at_;
    std::vector<int> position_of_;  ///< by rank
};

/// Costs of members of one host of whom no more is known than their spots; position k is that of
/// spot order[k]. For communicators, whose members find their spots in shared memory.
struct SpotCosts {
    Costs costs;
    std::vector<int> order;  ///< index into the spots, by position
};
SpotCosts costs_of_spots(std::span<const Spot> spots, const CostTable& table);

/// The text of a --links file, for `ranks` ranks; `name` is for messages. Either lines
/// "rank_a,rank_b,latency_us,gbytes_per_s" (a header line and comments with # may be there; pairs
/// that are missing keep what we assume; of two directions the dearer counts), or two square
/// matrices of numbers, latencies in us then GB/s, with an empty line between them, separated by
/// commas or blanks, with zeros or dashes on the diagonal. Two parts with an empty line between
/// them, and no header, are matrices; everything else is lines. Throws Error{usage} for what is
/// neither: shapes that do not fit, negative or infinite numbers, bandwidths of 0, ranks beyond the
/// last, more than override_ranks_max ranks. Each pair comes once, in order.
std::vector<LinkOverride> parse_links(std::string_view text, std::string_view name, int ranks);
constexpr std::size_t links_bytes_max = std::size_t{64} << 20;

}  // namespace ipcrun::topology
