// SPDX-License-Identifier: Apache-2.0
#include "topology/link/gpu_paths.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <tuple>

#include "topology/link/spot_links.hpp"

namespace ipcrun::topology {

namespace {

/// Links of idle GPUs slow down, and many records of machines hold that speed: first-generation
/// PCIe, 4 GB/s with 16 lanes. No server has GPUs on links that are so slow in use.
constexpr double idle_gbytes_per_s = 4.0;

constexpr std::size_t kinds = 6;

bool is_known(double gbytes_per_s) {
    return gbytes_per_s > idle_gbytes_per_s;
}

// 0 for what is unknown.
double inverse(double gbytes_per_s) {
    return gbytes_per_s > 0 ? 1e-3 / gbytes_per_s : 0;
}

}  // namespace

int GpuPaths::count_of(Kind kind) const {
    switch (kind) {
        case Kind::bridge:
            return static_cast<int>(machine().bridges.size());
        case Kind::device:
        case Kind::port:
        case Kind::host_link:
            return static_cast<int>(machine().gpus.size());
        case Kind::link:
            return static_cast<int>(machine().gpu_links.size());
        case Kind::package:
            return machine().packages;
    }
    return 0;
}

int GpuPaths::edge(Kind kind, int index) const {
    for (int before = 0; before < static_cast<int>(kind); ++before)
        index += count_of(static_cast<Kind>(before));
    return index;
}

GpuPaths::GpuPaths(const Machine& machine, const CostTable& table)
    : machine_(&machine), table_(table) {
    std::size_t edges = 0;
    for (std::size_t kind = 0; kind < kinds; ++kind)
        edges += static_cast<std::size_t>(count_of(static_cast<Kind>(kind)));
    us_per_byte_.assign(edges, 0);
    // A bridge that nobody knows the speed of is taken for as fast as the fastest GPU's link.
    double best = 0;
    for (const Gpu& gpu : machine.gpus) best = std::max(best, gpu.gbytes_per_s);
    const double assumed =
        is_known(best) ? inverse(best) : table.of(LinkClass::pcie_switch).us_per_byte;
    const auto set = [&](Kind kind, int index, double us_per_byte) {
        us_per_byte_[static_cast<std::size_t>(edge(kind, index))] = us_per_byte;
    };
    for (int index = 0; index < count_of(Kind::bridge); ++index) {
        const Bridge& bridge = machine.bridges[static_cast<std::size_t>(index)];
        // A host bridge is where PCI ends: it has no link upwards, unless somebody knows better.
        const double unknown = bridge.parent < 0 ? 0 : assumed;
        const bool known = is_known(bridge.gbytes_per_s);
        set(Kind::bridge, index, known ? inverse(bridge.gbytes_per_s) : unknown);
    }
    for (int index = 0; index < count_of(Kind::device); ++index) {
        const Gpu& gpu = machine.gpus[static_cast<std::size_t>(index)];
        set(Kind::device, index, is_known(gpu.gbytes_per_s) ? inverse(gpu.gbytes_per_s) : assumed);
        set(Kind::host_link, index, inverse(gpu.host_gbytes_per_s));
    }
    add_link_edges();
    for (int index = 0; index < machine.packages; ++index)
        set(Kind::package, index, inverse(interconnect_gbytes_per_s(machine.model)));
}

void GpuPaths::add_link_edges() {
    for (int index = 0; index < count_of(Kind::link); ++index) {
        const GpuLink& link = machine().gpu_links[static_cast<std::size_t>(index)];
        const double own = inverse(link.gbytes_per_s);
        us_per_byte_[static_cast<std::size_t>(edge(Kind::link, index))] = own;
        if (!link.switched) continue;
        for (const int gpu : {link.a, link.b}) {
            double& port = us_per_byte_[static_cast<std::size_t>(edge(Kind::port, gpu))];
            port = port > 0 ? std::min(port, own) : own;
        }
    }
}

GpuPath GpuPaths::between(int gpu_a, int gpu_b) const {
    if (gpu_a == gpu_b) return {LinkClass::self, table_.of(LinkClass::self), {}};
    if (gpu_a > gpu_b) {
        GpuPath path = between(gpu_b, gpu_a);
        std::reverse(path.edges.begin(), path.edges.end());
        return path;
    }
    int index = 0;
    if (const GpuLink* link = link_of(gpu_a, gpu_b, index)) return over_link(*link, index);
    return over_bridges(gpu_a, gpu_b);
}

const GpuLink* GpuPaths::link_of(int gpu_a, int gpu_b, int& index) const {
    const std::vector<GpuLink>& links = machine().gpu_links;
    const auto found = std::find_if(links.begin(), links.end(), [&](const GpuLink& link) {
        return std::tie(link.a, link.b) == std::tie(gpu_a, gpu_b);
    });
    index = static_cast<int>(found - links.begin());
    return found == links.end() ? nullptr : &*found;
}

GpuPath GpuPaths::over_link(const GpuLink& link, int index) const {
    GpuPath path{LinkClass::nvlink, table_.of(LinkClass::nvlink), {}};
    if (link.gbytes_per_s > 0) path.cost.us_per_byte = inverse(link.gbytes_per_s);
    if (link.switched)
        path.edges = {edge(Kind::port, link.a), edge(Kind::port, link.b)};
    else
        path.edges = {edge(Kind::link, index)};
    return path;
}

GpuPath GpuPaths::over_bridges(int gpu_a, int gpu_b) const {
    std::vector<int> above[2] = {bridges_above(gpu_a), bridges_above(gpu_b)};
    int common = -1;
    while (!above[0].empty() && !above[1].empty() && above[0].back() == above[1].back()) {
        common = above[0].back();
        above[0].pop_back();
        above[1].pop_back();
    }
    GpuPath path;
    const std::size_t most = std::max(above[0].size(), above[1].size());
    const bool at_host_bridge =
        common >= 0 && machine().bridges[static_cast<std::size_t>(common)].parent < 0;
    if (common < 0)
        path.link_class = class_through_processors(gpu_a, gpu_b);
    else if (most <= 1)  // below a host bridge that is two root ports, and no switch
        path.link_class = at_host_bridge ? LinkClass::host_bridge : LinkClass::pcie_switch;
    else
        path.link_class = LinkClass::pcie_bridges;

    bool speeds_known = true;
    std::vector<int> ways[2];
    for (int side = 0; side < 2; ++side) {
        const int gpu = side == 0 ? gpu_a : gpu_b;
        const Gpu& device = machine().gpus[static_cast<std::size_t>(gpu)];
        const bool by_host_link = device.host_gbytes_per_s > 0 && common < 0;
        ways[side] = {edge(by_host_link ? Kind::host_link : Kind::device, gpu)};
        speeds_known = speeds_known && (by_host_link || is_known(device.gbytes_per_s));
        if (!by_host_link)
            for (const int bridge : above[side]) ways[side].push_back(edge(Kind::bridge, bridge));
        const int package = nearest(gpu, &Nearness::package);
        if (path.link_class == LinkClass::pcie_machine && package >= 0)
            ways[side].push_back(edge(Kind::package, package));
    }
    path.edges = ways[0];
    path.edges.insert(path.edges.end(), ways[1].rbegin(), ways[1].rend());
    path.cost = cost_of(path.link_class, path.edges, speeds_known);
    return path;
}

std::vector<int> GpuPaths::bridges_above(int gpu) const {
    return topology::bridges_above(machine(), machine().gpus[static_cast<std::size_t>(gpu)]);
}

int GpuPaths::nearest(int gpu, int Nearness::*part) const {
    const int own = machine().gpus[static_cast<std::size_t>(gpu)].near.*part;
    if (own >= 0) return own;
    for (const int bridge : bridges_above(gpu)) {
        const int known = machine().bridges[static_cast<std::size_t>(bridge)].near.*part;
        if (known >= 0) return known;
    }
    return -1;
}

LinkClass GpuPaths::class_through_processors(int gpu_a, int gpu_b) const {
    if (machine().packages == 1) return LinkClass::host_bridge;
    for (const auto part : {&Nearness::numa_node, &Nearness::package}) {
        const int of_a = nearest(gpu_a, part);
        if (of_a >= 0 && of_a == nearest(gpu_b, part)) return LinkClass::host_bridge;
    }
    return LinkClass::pcie_machine;
}

LinkCost GpuPaths::cost_of(LinkClass link_class, const std::vector<int>& edges,
                           bool is_known) const {
    LinkCost cost = table_.of(link_class);
    if (is_known) cost.us_per_byte = 0;
    for (const int edge : edges) cost.us_per_byte = std::max(cost.us_per_byte, us_per_byte(edge));
    return cost;
}

std::string GpuPaths::name(int edge) const {
    int index = edge;
    int kind = 0;
    for (; index >= count_of(static_cast<Kind>(kind)); ++kind)
        index -= count_of(static_cast<Kind>(kind));
    const auto at = static_cast<std::size_t>(index);
    const auto pci = [&](const std::string& pci_id, std::string_view otherwise) {
        return pci_id.empty() ? fmt::format("{} {}", otherwise, index) : "pcie " + pci_id;
    };
    switch (static_cast<Kind>(kind)) {
        case Kind::bridge:
            return pci(machine().bridges[at].pci_id,
                       machine().bridges[at].parent < 0 ? "host bridge" : "bridge");
        case Kind::device:
            return pci(machine().gpus[at].pci_id, "gpu");
        case Kind::port:
            return fmt::format("gpu {} nvlink port", index);
        case Kind::host_link:
            return fmt::format("gpu {} host link", index);
        case Kind::link:
            return fmt::format("nvlink gpu {}-{}", machine().gpu_links[at].a,
                               machine().gpu_links[at].b);
        case Kind::package:
            return fmt::format("package {} port", index);
    }
    return {};
}

}  // namespace ipcrun::topology
