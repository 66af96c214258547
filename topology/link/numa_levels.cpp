// SPDX-License-Identifier: Apache-2.0
#include "topology/link/numa_levels.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>

namespace ipcrun::topology {

namespace {

class Distances {
  public:
    explicit Distances(const Machine& machine)
        : machine_(machine), nodes_(machine.numa_nodes.size()), package_of_(nodes_, -1) {
        for (const Core& core : machine.cores)
            package_of_[static_cast<std::size_t>(core.numa_node)] = core.package;
    }
    std::size_t nodes() const { return nodes_; }
    // Memory without allowed cores is nobody's spot.
    bool has_cores(std::size_t node) const { return package_of_[node] >= 0; }
    bool in_one_package(std::size_t a, std::size_t b) const {
        return package_of_[a] == package_of_[b];
    }
    double between(std::size_t a, std::size_t b) const {
        return std::max(machine_.numa_latencies[a * nodes_ + b],
                        machine_.numa_latencies[b * nodes_ + a]);
    }

  private:
    const Machine& machine_;
    std::size_t nodes_;
    std::vector<int> package_of_;
};

bool are_near(const Distances& distances, std::size_t a, std::size_t b, double limit, bool across) {
    if (a == b) return true;
    if (!distances.has_cores(a) || !distances.has_cores(b)) return false;
    if (distances.in_one_package(a, b)) return across || distances.between(a, b) <= limit;
    return across && distances.between(a, b) <= limit;
}

// nullopt: somebody would be in two clusters.
std::optional<NumaLevel> cluster(const Distances& distances, double limit, bool across) {
    NumaLevel level{limit, {}};
    for (std::size_t node = 0; node < distances.nodes(); ++node) {
        std::size_t first = 0;
        while (!are_near(distances, node, first, limit, across)) ++first;
        level.cluster_of.push_back(static_cast<int>(first) + 1);
        for (std::size_t other = 0; other < node; ++other) {
            const bool together = level.cluster_of[other] == level.cluster_of[node];
            if (together != are_near(distances, node, other, limit, across)) return std::nullopt;
        }
    }
    return level;
}

}  // namespace

NumaLevels numa_levels(const Machine& machine, bool across) {
    NumaLevels result;
    const Distances distances(machine);
    if (machine.numa_latencies.size() != distances.nodes() * distances.nodes()) return result;
    std::set<double> found;
    for (std::size_t a = 0; a < distances.nodes(); ++a)
        for (std::size_t b = 0; b < a; ++b)
            if (distances.has_cores(a) && distances.has_cores(b) &&
                distances.in_one_package(a, b) != across)
                found.insert(distances.between(a, b));
    if (found.empty()) return result;
    result.farthest = *found.rbegin();
    found.erase(result.farthest);
    for (const double limit : found)
        if (auto level = cluster(distances, limit, across)) result.levels.push_back(*level);
    return result;
}

}  // namespace ipcrun::topology
