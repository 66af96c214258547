// SPDX-License-Identifier: Apache-2.0
#include "topology/choice/choice.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "topology/choice/message_times.hpp"
#include "topology/choice/shared_times.hpp"
#include "topology/tree/best_tree.hpp"

namespace ipcrun::topology {

namespace {

// Up and down, and one step more for each segment that follows. Where CPUs are shared each of those
// costs switches, and segments may pay no more.
Prediction along_trees(Algorithm algorithm, const Crowd& crowd, const Costs& costs,
                       const TreeTime& time, std::span<const Tree> trees, double bytes) {
    if (crowd.members_per_cpu() <= 1) return {algorithm, time.us, time.segments};
    int depth = 0;
    double whole_us = 0;
    for (const Tree& tree : trees) {
        depth = std::max(depth, depth_of(tree));
        const auto share = static_cast<double>(trees.size());
        whole_us = std::max(whole_us, whole_messages_us(tree, costs, bytes / share));
    }
    // A message for each edge and way, which are all of the bytes in the end.
    const double busy_us = 2 * (costs.size() - 1) * typical_busy_us(costs, bytes);
    const double us = crowd.of_path(time.us, 2 * depth + time.segments - 1, busy_us);
    const double at_once_us = crowd.of_path(whole_us, 2 * depth, busy_us);
    if (at_once_us <= us) return {algorithm, at_once_us, 1};
    return {algorithm, us, time.segments};
}

// A flag is not seen sooner than a message over the longest way. Where members share CPUs, or links
// are those of GPUs, costs of links tell nothing of flags.
std::optional<SharedMemoryCosts> with_distance(std::optional<SharedMemoryCosts> shared,
                                               const Costs& costs) {
    const Group& all = costs.groups[0];
    if (shared && shared->cpus >= costs.size() && all.matrix < 0)
        shared->flag_us = std::max(shared->flag_us, all.cost.latency_us + all.cost.gap_us);
    return shared;
}

void add_messages(std::vector<Prediction>& all, const Costs& costs, const Crowd& crowd,
                  double bytes, int degree_max) {
    const int n = costs.size();
    const PlannedTree tree =
        best_tree(costs, {.bytes = bytes, .degree_max = degree_max, .bound = false});
    all.push_back(along_trees(Algorithm::tree, crowd, costs, tree.time, {&tree.tree, 1}, bytes));
    const PlannedTwoTree two = best_two_tree(costs, bytes);
    const std::array<Tree, 2> both{two.first, two.second};
    all.push_back(along_trees(Algorithm::two_tree, crowd, costs, two.time, both, bytes));
    all.push_back({Algorithm::ring, crowd.of_steps(ring_us(costs, bytes), 2 * (n - 1),
                                                   typical_busy_us(costs, bytes / n))});
    all.push_back({Algorithm::recursive_doubling,
                   crowd.of_steps(recursive_doubling_us(costs, bytes), recursive_doubling_steps(n),
                                  typical_busy_us(costs, bytes))});
}

}  // namespace

std::vector<Prediction> predict_allreduce(const Costs& costs,
                                          const std::optional<SharedMemoryCosts>& memory,
                                          double bytes, int degree_max) {
    const int n = costs.size();
    const std::optional<SharedMemoryCosts> shared = with_distance(memory, costs);
    std::vector<Prediction> all;
    if (shared && bytes <= shared->flags_bytes_max)
        all.push_back({Algorithm::flags, flags_us(n, *shared, bytes)});
    else if (shared)
        all.push_back({Algorithm::work_sharing, work_sharing_us(n, *shared, bytes)});
    if (n == 1 && all.empty()) all.push_back({Algorithm::tree, 0});
    if (n > 1) add_messages(all, costs, {n, shared ? &*shared : nullptr}, bytes, degree_max);
    std::stable_sort(all.begin(), all.end(),
                     [](const Prediction& a, const Prediction& b) { return a.us < b.us; });
    return all;
}

}  // namespace ipcrun::topology
