// SPDX-License-Identifier: Apache-2.0
#include "topology/link/host_costs.hpp"

#include <algorithm>
#include <cstddef>
#include <set>

#include "topology/link/spot_links.hpp"

namespace ipcrun::topology {

namespace {

/// Makes the matrix of a layout with GPUs: that of the CPUs' links, in which pairs of GPUs get
/// their own cost and edges.
class MatrixBuilder {
  public:
    MatrixBuilder(PairMatrix cpus, const GpuPaths& gpu_paths)
        : cpus_(std::move(cpus)), gpu_paths_(gpu_paths) {
        matrix_.size = cpus_.size;
        matrix_.costs = cpus_.costs;
        matrix_.path_begin = {0};
    }

    /// For all pairs, row by row; -1: no GPU.
    void add(int i, int j, int gpu_i, int gpu_j) {
        if (i != j && gpu_i >= 0 && gpu_j >= 0) {
            const GpuPath& path = path_between(gpu_i, gpu_j);
            matrix_.costs[static_cast<std::size_t>(i * matrix_.size + j)] = path.cost;
            if (i < j)
                for (const int edge : path.edges)
                    use(gpu_numbers_, edge, gpu_paths_.us_per_byte(edge));
        } else if (i < j) {
            for (const int edge : cpus_.edges_of(i, j))
                use(cpu_numbers_, edge, cpus_.edge_us_per_byte[static_cast<std::size_t>(edge)]);
        }
        matrix_.path_begin.push_back(static_cast<int>(matrix_.path_edges.size()));
    }

    PairMatrix take() {
        if (matrix_.path_edges.empty()) matrix_.path_begin.clear();
        return std::move(matrix_);
    }

  private:
    /// Numbers of edges in the matrix; -1: nobody has used it yet.
    using Numbers = std::vector<int>;

    void use(Numbers& numbers, int edge, double us_per_byte) {
        if (us_per_byte <= 0) return;
        const auto at = static_cast<std::size_t>(edge);
        if (numbers.size() <= at) numbers.resize(at + 1, -1);
        if (numbers[at] < 0) {
            numbers[at] = static_cast<int>(matrix_.edge_us_per_byte.size());
            matrix_.edge_us_per_byte.push_back(us_per_byte);
        }
        matrix_.path_edges.push_back(numbers[at]);
    }

    // There may be far more ranks than GPUs.
    const GpuPath& path_between(int gpu_a, int gpu_b) {
        const auto width = static_cast<std::size_t>(std::max(gpu_a, gpu_b)) + 1;
        if (paths_.size() < width) paths_.resize(width);
        auto& row = paths_[static_cast<std::size_t>(gpu_a)];
        if (row.size() < width) row.resize(width);
        auto& path = row[static_cast<std::size_t>(gpu_b)];
        if (!path) path = gpu_paths_.between(gpu_a, gpu_b);
        return *path;
    }

    PairMatrix cpus_;
    const GpuPaths& gpu_paths_;
    PairMatrix matrix_;
    Numbers cpu_numbers_, gpu_numbers_;
    std::vector<std::vector<std::optional<GpuPath>>> paths_;
};

PairMatrix matrix_of(const Layout& layout, const Nesting& nesting, const GpuPaths& gpu_paths) {
    const auto members = static_cast<int>(layout.places.size());
    MatrixBuilder builder(as_matrix(group_costs(members, nesting.groups, {}, 0)), gpu_paths);
    const auto gpu_at = [&](int position) {
        const int local = nesting.order[static_cast<std::size_t>(position)];
        return layout.places[static_cast<std::size_t>(local)].gpu;
    };
    for (int i = 0; i < members; ++i)
        for (int j = 0; j < members; ++j) builder.add(i, j, gpu_at(i), gpu_at(j));
    return builder.take();
}

void add_network(const Layout& layout, const Machine& machine, const CostTable& table,
                 HostCosts& costs) {
    const double unknown = 1e-3 / table.of(LinkClass::network).us_per_byte;
    double slowest = 0;
    double together = 0;
    std::set<int> used;
    for (const Place& place : layout.places) {
        double rate = unknown;
        if (place.nic >= 0) {
            const Nic& nic = machine.nics[static_cast<std::size_t>(place.nic)];
            if (nic.network_gbytes_per_s > 0) rate = nic.network_gbytes_per_s;
        }
        if (!used.insert(place.nic).second) continue;
        slowest = slowest > 0 ? std::min(slowest, rate) : rate;
        together += rate;
    }
    costs.network_us_per_byte = 1e-3 / slowest;
    costs.uplink_us_per_byte = 1e-3 / together;
}

}  // namespace

bool links_gpus(const Layout& layout) {
    return layout.places.size() <= gpu_ranks_max &&
           std::any_of(layout.places.begin(), layout.places.end(),
                       [](const Place& place) { return place.gpu >= 0; });
}

std::vector<Spot> spots_of(const Layout& layout, const Machine& machine) {
    std::vector<Spot> spots;
    for (const Place& place : layout.places) spots.push_back(filled(machine, place.spot));
    return spots;
}

HostCosts host_costs(const Layout& layout, const Machine& machine, const GpuPaths& gpu_paths,
                     const CostTable& table) {
    HostCosts costs;
    costs.nesting = nest_spots(spots_of(layout, machine), table, &machine);
    if (links_gpus(layout) && layout.places.size() >= 2)
        costs.matrix = matrix_of(layout, costs.nesting, gpu_paths);
    add_network(layout, machine, table, costs);
    return costs;
}

}  // namespace ipcrun::topology
