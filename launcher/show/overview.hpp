// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Everything that is shown of a plan, as plain values: what text, JSON and picture are made from.
/// How the values come about is in make_overview.hpp; nothing here computes.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "topology/choice/choice.hpp"
#include "topology/cluster.hpp"
#include "topology/link/links.hpp"
#include "topology/place/placement.hpp"
#include "topology/tree/best_tree.hpp"

namespace ipcrun::show {

/// Up to so many ranks each pair of them is shown.
constexpr int pairs_ranks_max = 16;
/// Up to so many ranks the link of each of the tree's edges is kept.
constexpr int tree_links_ranks_max = 128;

/// An option in force, as on the command line: {"map-by", "numa"}.
struct Setting {
    std::string name, value;
};

/// All pairs of ranks whose link is of one class.
struct ClassOfLinks {
    topology::LinkClass link_class = topology::LinkClass::self;
    std::int64_t pairs = 0;
    /// Of the cheapest and of the dearest pair; equal unless pairs were measured or machines
    /// differ.
    topology::LinkCost least = {}, most = {};
    bool measured = false;  ///< is any of its costs of --links?
};

/// Ranks that are equally many edges away from the root of the tree.
struct TreeLevel {
    std::int64_t ranks = 0;
    std::array<std::int64_t, topology::link_classes> edges = {};  ///< upwards, by class
};

struct ShownTree {
    topology::PlannedTree planned = {};  ///< its members are ranks
    double bytes = 8;                    ///< of the allreduce that it was made for
    int degree_max = 2;                  ///< children that it might have had; 0: any number
    int degree = 0;                      ///< most children of a rank
    std::vector<TreeLevel> levels = {};  ///< the root's first; never empty
    std::vector<topology::LinkClass> class_to_parent = {};  ///< by rank; self at the root
    /// By rank, of its edge to its parent; empty beyond tree_links_ranks_max.
    std::vector<topology::LinkCost> cost_to_parent = {};

    int depth() const { return static_cast<int>(levels.size()) - 1; }
};

/// What an allreduce of `bytes` takes by every algorithm that can be used, fastest first.
struct TimesOfSize {
    double bytes = 0;
    std::vector<topology::Prediction> times;
};

struct Overview {
    const topology::Cluster& cluster;      ///< borrowed
    const topology::Placement& placement;  ///< borrowed
    ShownTree tree = {};
    std::vector<ClassOfLinks> classes = {};  ///< from near to far
    /// Row-major, ranks x ranks; empty beyond pairs_ranks_max.
    std::vector<topology::Link> pairs = {};
    std::vector<TimesOfSize> times = {};  ///< by ascending size
    std::string source = "this host";     ///< where the cluster was read from
    std::vector<Setting> settings = {};
    std::vector<std::string> argv = {};   ///< the program's, with its name; empty: none was named
    std::vector<std::string> notes = {};  ///< what people should know: a line of prose each

    int ranks() const { return placement.size(); }
};

}  // namespace ipcrun::show
