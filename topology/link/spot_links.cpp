// SPDX-License-Identifier: Apache-2.0
#include "topology/link/spot_links.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "topology/link/numa_levels.hpp"

namespace ipcrun::topology {

namespace {

// The distances that the latencies of a table stand for: two nodes of a package, and two packages,
// as firmware of usual servers tells them.
constexpr double usual_in_package = 12;
constexpr double usual_across = 21;
// Firmware also writes 255 for "cannot be reached".
constexpr double stretch_min = 0.5, stretch_max = 8;

LinkCost stretched(LinkCost cost, double distance, double usual) {
    if (distance > 0) cost.latency_us *= std::clamp(distance / usual, stretch_min, stretch_max);
    return cost;
}

using Part = int Spot::*;

class Levels {
  public:
    Levels(std::span<const Spot> spots, const CostTable& table) : spots_(spots), table_(table) {}

    NestingLevel& add(Part part, const LinkCost& cost) {
        NestingLevel& level = levels_.emplace_back(NestingLevel{.cost = cost, .key = {}});
        for (const Spot& spot : spots_) level.key.push_back(spot.*part);
        return level;
    }
    NestingLevel& add(Part part, LinkClass link) { return add(part, table_.of(link)); }
    void add_clusters(const NumaLevels& clusters, LinkClass link, double usual) {
        for (const NumaLevel& nodes : clusters.levels) {
            NestingLevel& level = levels_.emplace_back(
                NestingLevel{.cost = stretched(table_.of(link), nodes.distance, usual), .key = {}});
            for (const Spot& spot : spots_)
                level.key.push_back(
                    spot.numa_node == 0
                        ? 0
                        : nodes.cluster_of[static_cast<std::size_t>(spot.numa_node) - 1]);
        }
    }
    // Firmware that tells of one node for all packages has not told where memory is: such a node
    // ends at packages, and of ranks on several it says nothing.
    NestingLevel& add_nodes() {
        constexpr int nodes_max = 1 << 15;
        NestingLevel& level = add(&Spot::numa_node, LinkClass::numa);
        for (std::size_t member = 0; member < spots_.size(); ++member) {
            const Spot& spot = spots_[member];
            const bool in_one = spot.numa_node != 0 && spot.package != 0;
            level.key[member] = in_one ? spot.package * nodes_max + spot.numa_node : 0;
        }
        return level;
    }
    const std::vector<NestingLevel>& levels() const { return levels_; }

  private:
    std::span<const Spot> spots_;
    const CostTable& table_;
    std::vector<NestingLevel> levels_;
};

void add_memory_uplinks(NestingLevel& level, std::span<const Spot> spots, const Machine& machine) {
    for (const Spot& spot : spots) {
        const double rate =
            spot.numa_node == 0
                ? 0
                : machine.numa_nodes[static_cast<std::size_t>(spot.numa_node) - 1].gbytes_per_s;
        level.uplink_us_per_byte.push_back(rate > 0 ? 1e-3 / rate : 0);
    }
}

// What leaves a package goes over the interconnect, of which a single pair may have been measured
// faster than we believe, or by its own NICs, without.
void add_ports(NestingLevel& level, std::span<const Spot> spots, const Machine& machine,
               const CostTable& table) {
    if (machine.packages < 2) return;
    const double interconnect = std::max(interconnect_gbytes_per_s(machine.model),
                                         table.of(LinkClass::machine).gbytes_per_s());
    for (const Spot& spot : spots) {
        double rate = interconnect;
        for (const Nic& nic : machine.nics)
            if (nic.near.package + 1 == spot.package) rate += nic.network_gbytes_per_s;
        level.uplink_us_per_byte.push_back(1e-3 / rate);
    }
}

}  // namespace

LinkClass class_of(const Spot& a, const Spot& b) {
    const auto share = [&](Part part) { return a.*part != 0 && a.*part == b.*part; };
    if (share(&Spot::core)) return LinkClass::core;
    if (share(&Spot::l2)) return LinkClass::l2;
    if (share(&Spot::last_level_cache)) return LinkClass::l3;
    if (share(&Spot::numa_node) && share(&Spot::package)) return LinkClass::numa;
    if (share(&Spot::package)) return LinkClass::package;
    return LinkClass::machine;
}

Spot filled(const Machine& machine, Spot spot) {
    if (machine.cores.empty()) return spot;
    const Core& first = machine.cores.front();
    const auto fill = [&](int& part, int Core::*index) {
        const auto same = [&](const Core& core) { return core.*index == first.*index; };
        if (part == 0 && std::all_of(machine.cores.begin(), machine.cores.end(), same))
            part = first.*index + 1;
    };
    fill(spot.package, &Core::package);
    fill(spot.numa_node, &Core::numa_node);
    fill(spot.last_level_cache, &Core::last_level_cache);
    fill(spot.l2, &Core::l2);
    if (spot.core == 0 && machine.cores.size() == 1) spot.core = 1;
    return spot;
}

Nesting nest_spots(std::span<const Spot> spots, const CostTable& table, const Machine* machine) {
    Levels levels(spots, table);
    levels.add(&Spot::core, LinkClass::core);
    levels.add(&Spot::l2, LinkClass::l2);
    levels.add(&Spot::last_level_cache, LinkClass::l3);
    NestingLevel& numa = levels.add_nodes();
    LinkCost package = table.of(LinkClass::package);
    LinkCost whole = table.of(LinkClass::machine);
    if (machine == nullptr) {
        levels.add(&Spot::package, package);
        return nest(static_cast<int>(spots.size()), levels.levels(), whole);
    }
    add_memory_uplinks(numa, spots, *machine);
    const NumaLevels in_package = numa_levels(*machine, false);
    const NumaLevels across = numa_levels(*machine, true);
    package = stretched(package, in_package.farthest, usual_in_package);
    whole = stretched(whole, across.farthest, usual_across);
    levels.add_clusters(in_package, LinkClass::package, usual_in_package);
    add_ports(levels.add(&Spot::package, package), spots, *machine, table);
    levels.add_clusters(across, LinkClass::machine, usual_across);
    return nest(static_cast<int>(spots.size()), levels.levels(), whole);
}

std::vector<std::string> ports_between(const Machine& machine, const Spot& a, const Spot& b) {
    const LinkClass link = class_of(a, b);
    std::vector<std::string> ports;
    if (link != LinkClass::package && link != LinkClass::machine) return ports;
    for (const Spot* spot : {&a, &b}) {
        if (link == LinkClass::machine && spot->package != 0)
            ports.push_back(fmt::format("package {} port", spot->package - 1));
        if (link == LinkClass::package && spot->numa_node != 0)
            ports.push_back(fmt::format(
                "numa {} port",
                machine.numa_nodes[static_cast<std::size_t>(spot->numa_node) - 1].os_index));
    }
    return ports;
}

}  // namespace ipcrun::topology
