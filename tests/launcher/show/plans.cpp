// SPDX-License-Identifier: Apache-2.0
#include "tests/launcher/show/plans.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ipcrun::show {

namespace {

using topology::LinkClass;

constexpr std::array<topology::LinkCost, topology::link_classes> costs = {{
    {},
    {0.05, 0.02, 1 / 20e3},
    {0.06, 0.02, 1 / 18e3},
    {0.08, 0.03, 1 / 12e3},
    {0.12, 0.03, 1 / 10e3},
    {0.16, 0.03, 1 / 9e3},
    {0.31, 0.04, 1 / 6.5e3},
    {1.8, 0.5, 1 / 150e3},
    {2.1, 0.5, 1 / 52e3},
    {2.2, 0.5, 1 / 50e3},
    {2.5, 0.5, 1 / 40e3},
    {2.9, 0.5, 1 / 22e3},
    {1.3, 0.35, 1 / 24e3},
    {2.2, 0.35, 1 / 12.5e3},
}};

LinkClass class_of(const Plan& plan, int a, int b) {
    const auto& first = plan.placement.seat(a);
    const auto& second = plan.placement.seat(b);
    if (first.host != second.host) {
        const auto& hosts = plan.cluster.hosts;
        const int leaf = hosts[first.host].leaf_switch;
        const bool near = leaf >= 0 && leaf == hosts[second.host].leaf_switch;
        return near ? LinkClass::network_switch : LinkClass::network;
    }
    const topology::Place& p = plan.placement.place(a);
    const topology::Place& q = plan.placement.place(b);
    const auto both = [](int x, int y) { return x != 0 && x == y; };
    if (p.gpu >= 0 && q.gpu >= 0 && p.gpu != q.gpu) return LinkClass::nvlink;
    if (both(p.spot.core, q.spot.core)) return LinkClass::core;
    if (both(p.spot.last_level_cache, q.spot.last_level_cache)) return LinkClass::l3;
    if (both(p.spot.numa_node, q.spot.numa_node)) return LinkClass::numa;
    return both(p.spot.package, q.spot.package) ? LinkClass::package : LinkClass::machine;
}

topology::Link link_between(const Plan& plan, int a, int b) {
    topology::Link link{.link_class = class_of(plan, a, b)};
    link.cost = costs[static_cast<std::size_t>(link.link_class)];
    if (link.link_class == LinkClass::machine) link.edges = {"numa 0 port", "numa 1 port"};
    return link;
}

topology::Tree tree_of_parents(const std::vector<int>& parent) {
    topology::Tree tree{.parent = parent};
    const int size = static_cast<int>(parent.size());
    tree.first_child.assign(parent.size() + 1, 0);
    for (int rank = 0; rank < size; ++rank) {
        if (parent[rank] < 0)
            tree.root = rank;
        else
            ++tree.first_child[parent[rank] + 1];
    }
    for (int rank = 0; rank < size; ++rank) tree.first_child[rank + 1] += tree.first_child[rank];
    tree.children.resize(parent.size() - 1);
    std::vector<int> next(tree.first_child.begin(), tree.first_child.end() - 1);
    for (int rank = 0; rank < size; ++rank)
        if (parent[rank] >= 0) tree.children[next[parent[rank]]++] = rank;
    return tree;
}

ShownTree shown_tree(const Plan& plan) {
    const int ranks = plan.placement.size();
    std::vector<int> parents;
    for (int rank = 0; rank < ranks; ++rank) parents.push_back(plan.parent(rank));
    ShownTree shown;
    shown.planned.tree = tree_of_parents(parents);
    shown.planned.method = ranks <= 16 ? "exact" : "wave";
    shown.planned.is_optimal = ranks <= 4;
    shown.planned.time = {.us = 4.31 + ranks / 1e4, .once_us = 4.31, .period_us = 1.2};
    shown.planned.bound_us = shown.planned.is_optimal ? shown.planned.time.us : 3.9;
    std::vector<int> level(parents.size(), -1);
    for (int rank = 0; rank < ranks; ++rank) {
        // A parent's number is lower, but where the root is not 0.
        int depth = 0;
        for (int at = rank; parents[at] >= 0; at = parents[at]) ++depth;
        level[rank] = depth;
        if (shown.depth() < depth) shown.levels.resize(depth + 1);
        ++shown.levels[depth].ranks;
        shown.degree = std::max(shown.degree, shown.planned.tree.first_child[rank + 1] -
                                                  shown.planned.tree.first_child[rank]);
        const auto link = parents[rank] < 0 ? LinkClass::self : class_of(plan, rank, parents[rank]);
        shown.class_to_parent.push_back(link);
        if (link != LinkClass::self) ++shown.levels[depth].edges[static_cast<std::size_t>(link)];
        if (ranks <= tree_links_ranks_max)
            shown.cost_to_parent.push_back(costs[static_cast<std::size_t>(link)]);
    }
    return shown;
}

}  // namespace

Overview Plan::overview() const {
    Overview overview{.cluster = cluster, .placement = placement};
    overview.tree = shown_tree(*this);
    const int ranks = placement.size();
    std::array<std::int64_t, topology::link_classes> pairs = {};
    // Of many ranks the first ones stand for all: there is no Links here to count by groups.
    for (int a = 0; a < std::min(ranks, 200); ++a) {
        for (int b = 0; b < std::min(ranks, 200); ++b) {
            topology::Link link = a == b ? topology::Link() : link_between(*this, a, b);
            if (a < b) ++pairs[static_cast<std::size_t>(link.link_class)];
            if (ranks <= pairs_ranks_max) overview.pairs.push_back(std::move(link));
        }
    }
    for (int index = 1; index < topology::link_classes; ++index) {
        if (pairs[index] == 0) continue;
        overview.classes.push_back({.link_class = static_cast<LinkClass>(index),
                                    .pairs = pairs[index],
                                    .least = costs[index],
                                    .most = costs[index]});
    }
    using topology::Algorithm;
    overview.times = {
        {8,
         {{Algorithm::flags, 0.42}, {Algorithm::recursive_doubling, 3.2}, {Algorithm::tree, 4.31}}},
        {65536,
         {{Algorithm::work_sharing, 21.4}, {Algorithm::two_tree, 52, 4}, {Algorithm::ring, 80}}},
        {16777216, {{Algorithm::work_sharing, 3512}, {Algorithm::ring, 9412.5}}}};
    overview.settings = {{"map-by", "auto"}, {"bind-to", "auto"}};
    overview.argv = argv;
    overview.notes = notes;
    return overview;
}

topology::Machine machine_of(const Shape& shape, const std::string& name,
                             const std::string& model) {
    topology::Machine machine{.host = name, .packages = shape.packages, .model = model};
    const int nodes = shape.packages * shape.numa_nodes;
    machine.memory_bytes = static_cast<std::uint64_t>(nodes) << 36;
    machine.last_level_cache_bytes = 32 << 20;
    const int caches = nodes * shape.caches, cores = caches * shape.cores;
    for (int node = 0; node < nodes; ++node)
        machine.numa_nodes.push_back({.os_index = node, .bytes = 1ull << 36});
    for (int core = 0; core < cores; ++core) {
        const int cache = core / shape.cores, node = cache / shape.caches;
        topology::Core& one = machine.cores.emplace_back();
        for (int thread = 0; thread < shape.threads; ++thread)
            one.cpus.push_back(core + thread * cores);
        one.package = node / shape.numa_nodes;
        one.numa_node = node;
        one.last_level_cache = cache;
        one.l2 = core;
    }
    for (int gpu = 0; gpu < nodes * shape.gpus; ++gpu) {
        const int node = gpu / shape.gpus;
        const topology::Nearness near{node / shape.numa_nodes, node, -1};
        topology::Gpu& one = machine.gpus.emplace_back();
        one.name = fmt::format("nvml{}", gpu);
        one.model = "NVIDIA H200";
        one.bytes = 141ull << 30;
        one.gbytes_per_s = 63;
        one.near = near;
        machine.bridges.push_back({.parent = -1, .pci_id = "", .near = near});
        machine.bridges.push_back({.parent = static_cast<int>(machine.bridges.size()) - 1,
                                   .pci_id = fmt::format("0000:{:02x}:01.0", 16 * gpu),
                                   .gbytes_per_s = 63,
                                   .near = near});
        one.bridge = static_cast<int>(machine.bridges.size()) - 1;
        topology::Nic& nic = machine.nics.emplace_back();
        nic.name = fmt::format("mlx5_{}", gpu);
        nic.model = "ConnectX-7";
        nic.network_gbytes_per_s = 50;
        nic.near = near;
        nic.bridge = one.bridge;
        for (int other = 0; other < gpu; ++other)
            machine.gpu_links.push_back({.a = other, .b = gpu, .gbytes_per_s = 150});
    }
    return machine;
}

Plan plan_of(const topology::Machine& machine, int hosts, int ranks) {
    Plan plan{.parent = [](int rank) { return rank == 0 ? -1 : (rank - 1) / 2; }};
    plan.cluster.machines = {machine};
    topology::Layout& layout = plan.placement.layouts.emplace_back();
    const int cores = static_cast<int>(machine.cores.size());
    const int gpus = static_cast<int>(machine.gpus.size());
    for (int rank = 0; rank < ranks; ++rank) {
        const int begin = rank * cores / ranks,
                  end = std::max((rank + 1) * cores / ranks, begin + 1);
        topology::Place& place = layout.places.emplace_back();
        const topology::Core& first = machine.cores[begin];
        const topology::Core& last = machine.cores[end - 1];
        for (int core = begin; core < end; ++core)
            for (const int cpu : machine.cores[core].cpus) place.cpus.push_back(cpu);
        std::ranges::sort(place.cpus);
        place.memory_nodes = {machine.numa_nodes[first.numa_node].os_index};
        place.threads = end - begin;
        const auto common = [](int a, int b) { return a == b ? a + 1 : 0; };
        place.spot = {common(first.package, last.package), common(first.numa_node, last.numa_node),
                      common(first.last_level_cache, last.last_level_cache),
                      common(first.l2, last.l2), common(begin, end - 1)};
        if (gpus > 0) place.gpu = place.nic = rank * gpus / ranks;
    }
    for (int host = 0; host < hosts; ++host) {
        const std::string name = hosts == 1 ? machine.host : fmt::format("node{:04}", host);
        plan.cluster.hosts.push_back({.name = name, .leaf_switch = hosts == 1 ? -1 : host / 16});
        plan.placement.layout_of_host.push_back(0);
        plan.placement.first_of_host.push_back(host * ranks);
        for (int local = 0; local < ranks; ++local) {
            plan.placement.ranks.push_back(host * ranks + local);
            plan.placement.seats.push_back({host, local});
        }
    }
    plan.placement.first_of_host.push_back(hosts * ranks);
    for (int leaf = 0; hosts > 1 && leaf <= (hosts - 1) / 16; ++leaf)
        plan.cluster.switches.push_back({.name = fmt::format("leaf{}", leaf)});
    return plan;
}

Plan small_plan() {
    return plan_of(machine_of({}, "laptop", "AMD Ryzen 5"), 1, 4);
}

Plan gpu_plan() {
    const Shape shape{
        .packages = 2, .numa_nodes = 2, .caches = 2, .cores = 4, .threads = 2, .gpus = 1};
    Plan plan = plan_of(machine_of(shape, "turin", "AMD EPYC 9555"), 1, 8);
    plan.cluster.machines[0].cpu_quota = 12.5;
    plan.notes = {"the cgroup allows 12.5 CPUs' worth of time: 8 ranks with 4 cores each share it",
                  "PCIe links of GPUs read idle speeds: their best speeds are taken"};
    return plan;
}

Plan huge_plan() {
    const Shape shape{
        .packages = 2, .numa_nodes = 4, .caches = 2, .cores = 8, .threads = 2, .gpus = 1};
    return plan_of(machine_of(shape, "node0000", "AMD EPYC 9555"), 8192, 128);
}

}  // namespace ipcrun::show
