// SPDX-License-Identifier: Apache-2.0
#include "launcher/show/json.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.hpp"

namespace ipcrun::show {

namespace {

using Json = nlohmann::ordered_json;

Json number(double value) {
    return std::isfinite(value) ? Json(value) : Json(nullptr);
}
/// Where 0 stands for what is unknown.
Json known(double value) {
    return value > 0 ? number(value) : Json(nullptr);
}
Json known(std::uint64_t value) {
    return value > 0 ? Json(value) : Json(nullptr);
}
/// Where negative numbers stand for none.
Json index(int value) {
    return value >= 0 ? Json(value) : Json(nullptr);
}

Json device(const topology::Device& device) {
    return {{"name", device.name},
            {"model", device.model},
            {"pci_id", device.pci_id},
            {"gbytes_per_s", known(device.gbytes_per_s)},
            {"package", index(device.near.package)},
            {"numa_node", index(device.near.numa_node)},
            {"last_level_cache", index(device.near.last_level_cache)},
            {"bridge", index(device.bridge)}};
}

void add_devices(Json& to, const topology::Machine& machine) {
    to["bridges"] = Json::array();
    for (const topology::Bridge& bridge : machine.bridges) {
        to["bridges"].push_back({{"parent", index(bridge.parent)},
                                 {"pci_id", bridge.pci_id},
                                 {"gbytes_per_s", known(bridge.gbytes_per_s)}});
    }
    to["gpus"] = Json::array();
    for (const topology::Gpu& gpu : machine.gpus) {
        Json& row = to["gpus"].emplace_back(device(gpu));
        row["bytes"] = known(gpu.bytes);
        row["host_gbytes_per_s"] = known(gpu.host_gbytes_per_s);
    }
    to["nics"] = Json::array();
    for (const topology::Nic& nic : machine.nics) {
        Json& row = to["nics"].emplace_back(device(nic));
        row["network_gbytes_per_s"] = known(nic.network_gbytes_per_s);
    }
    to["gpu_links"] = Json::array();
    for (const topology::GpuLink& link : machine.gpu_links) {
        to["gpu_links"].push_back({{"a", link.a},
                                   {"b", link.b},
                                   {"gbytes_per_s", known(link.gbytes_per_s)},
                                   {"switched", link.switched}});
    }
}

Json machine_json(const topology::Machine& machine) {
    Json to = {{"host", machine.host},
               {"model", machine.model},
               {"packages", machine.packages},
               {"memory_bytes", known(machine.memory_bytes)},
               {"last_level_cache_bytes", known(machine.last_level_cache_bytes)},
               {"cpu_quota", known(machine.cpu_quota)},
               {"numa_nodes", Json::array()},
               {"numa_latencies", Json::array()},
               {"cores", Json::array()}};
    for (const topology::NumaNode& node : machine.numa_nodes) {
        to["numa_nodes"].push_back({{"os_index", node.os_index},
                                    {"bytes", known(node.bytes)},
                                    {"gbytes_per_s", known(node.gbytes_per_s)}});
    }
    for (const double latency : machine.numa_latencies)
        to["numa_latencies"].push_back(number(latency));
    for (const topology::Core& core : machine.cores) {
        to["cores"].push_back({{"cpus", format_list(core.cpus)},
                               {"package", core.package},
                               {"numa_node", core.numa_node},
                               {"last_level_cache", core.last_level_cache},
                               {"l2", core.l2}});
    }
    add_devices(to, machine);
    return to;
}

Json switches(const topology::Cluster& cluster) {
    Json rows = Json::array();
    for (const topology::NetworkSwitch& one : cluster.switches) {
        rows.push_back({{"name", one.name},
                        {"parent", index(one.parent)},
                        {"gbytes_per_s", known(one.gbytes_per_s)}});
    }
    return rows;
}

Json hosts(const Overview& overview) {
    Json rows = Json::array();
    const auto count = std::min<std::size_t>(overview.cluster.hosts.size(), json_hosts_max);
    for (std::size_t at = 0; at < count; ++at) {
        const topology::Host& host = overview.cluster.hosts[at];
        const auto span = overview.placement.ranks_of(static_cast<int>(at));
        std::vector<int> ranks(span.begin(), span.end());
        std::ranges::sort(ranks);
        rows.push_back({{"name", host.name},
                        {"machine", host.machine},
                        {"slots", topology::slots_of(overview.cluster, static_cast<int>(at))},
                        {"leaf_switch", index(host.leaf_switch)},
                        {"ranks", format_list(ranks)}});
    }
    return rows;
}

Json ranks(const Overview& overview, int count) {
    Json rows = Json::array();
    for (int rank = 0; rank < count; ++rank) {
        const topology::Seat& seat = overview.placement.seat(rank);
        const topology::Place& place = overview.placement.place(rank);
        rows.push_back(
            {{"rank", rank},
             {"host", seat.host},
             {"local_rank", seat.local_rank},
             {"cpus", format_list(place.cpus)},
             {"memory_nodes",
              place.memory_nodes.empty() ? Json(nullptr) : Json(format_list(place.memory_nodes))},
             {"threads", place.threads},
             {"package", index(place.spot.package - 1)},
             {"numa_node", index(place.spot.numa_node - 1)},
             {"last_level_cache", index(place.spot.last_level_cache - 1)},
             {"gpu", index(place.gpu)},
             {"nic", index(place.nic)}});
    }
    return rows;
}

Json link_classes(const Overview& overview) {
    Json rows = Json::array();
    for (const ClassOfLinks& row : overview.classes) {
        std::int64_t edges = 0;
        for (const TreeLevel& level : overview.tree.levels)
            edges += level.edges[static_cast<std::size_t>(row.link_class)];
        rows.push_back({{"class", name_of(row.link_class)},
                        {"pairs", row.pairs},
                        {"tree_edges", edges},
                        {"latency_us", number(row.least.latency_us)},
                        {"gap_us", number(row.least.gap_us)},
                        {"gbytes_per_s", known(row.least.gbytes_per_s())},
                        {"latency_us_max", number(row.most.latency_us)},
                        {"gbytes_per_s_min", known(row.most.gbytes_per_s())},
                        {"measured", row.measured}});
    }
    return rows;
}

Json pairs(const Overview& overview) {
    if (overview.pairs.empty()) return nullptr;
    const int count = overview.ranks();
    Json rows = Json::array();
    for (int a = 0; a < count; ++a) {
        Json& row = rows.emplace_back(Json::array());
        for (int b = 0; b < count; ++b) {
            const topology::Link& link = overview.pairs[a * count + b];
            if (a == b) {
                row.push_back(nullptr);
                continue;
            }
            row.push_back({{"class", name_of(link.link_class)},
                           {"latency_us", number(link.cost.latency_us)},
                           {"gap_us", number(link.cost.gap_us)},
                           {"gbytes_per_s", known(link.cost.gbytes_per_s())},
                           {"measured", link.measured},
                           {"edges", link.edges}});
        }
    }
    return rows;
}

Json tree(const Overview& overview, int count) {
    const ShownTree& shown = overview.tree;
    const topology::PlannedTree& planned = shown.planned;
    Json to = {{"bytes", number(shown.bytes)},
               {"us", number(planned.time.us)},
               {"bound_us", number(planned.bound_us)},
               {"ratio", number(planned.ratio())},
               {"optimal", planned.is_optimal},
               {"method", planned.method},
               {"segments", planned.time.segments},
               {"once_us", number(planned.time.once_us)},
               {"period_us", number(planned.time.period_us)},
               {"degree_max", shown.degree_max},
               {"degree", shown.degree},
               {"depth", shown.depth()},
               {"root", planned.tree.root},
               {"parents", Json::array()},
               {"links", Json::array()},
               {"levels", Json::array()}};
    for (int rank = 0; rank < count; ++rank) {
        to["parents"].push_back(planned.tree.parent[rank]);
        const auto link_class = shown.class_to_parent[rank];
        to["links"].push_back(rank == planned.tree.root ? Json(nullptr)
                                                        : Json(name_of(link_class)));
    }
    for (std::size_t level = 0; level < shown.levels.size() && level < json_ranks_max; ++level)
        to["levels"].push_back(shown.levels[level].ranks);
    return to;
}

Json predictions(const Overview& overview) {
    Json rows = Json::array();
    for (const TimesOfSize& size : overview.times) {
        Json& row = rows.emplace_back(Json{{"bytes", number(size.bytes)}});
        row["algorithms"] = Json::array();
        for (const topology::Prediction& time : size.times) {
            const double rate = time.us > 0 ? size.bytes / time.us * 1e-3 : 0;
            row["algorithms"].push_back({{"algorithm", name_of(time.algorithm)},
                                         {"us", number(time.us)},
                                         {"gbytes_per_s", known(rate)},
                                         {"segments", time.segments}});
        }
    }
    return rows;
}

/// A line for each key of the outermost object: short enough to read, and small.
std::string lines_of(const Json& whole) {
    const auto dump = [](const Json& value) {
        return value.dump(-1, ' ', false, Json::error_handler_t::replace);
    };
    std::string text = "{";
    for (const auto& [key, value] : whole.items())
        text += (text.size() > 1 ? ",\n" : "\n") + dump(key) + ": " + dump(value);
    return text + "\n}\n";
}

}  // namespace

std::string format_json(const Overview& overview) {
    const int count = std::min(overview.ranks(), json_ranks_max);
    Json whole = {{"version", 1},
                  {"truncated", count < overview.ranks()},
                  {"argv", overview.argv},
                  {"settings", Json::object()},
                  {"source", overview.source},
                  {"notes", overview.notes},
                  {"ranks", overview.ranks()},
                  {"hosts", overview.cluster.hosts.size()},
                  {"machines", Json::array()}};
    for (const Setting& setting : overview.settings)
        whole["settings"][setting.name] = setting.value;
    // Kinds of machines are few, but for a list of hosts that all differ.
    const auto machines = std::min<std::size_t>(overview.cluster.machines.size(), json_hosts_max);
    for (std::size_t at = 0; at < machines; ++at)
        whole["machines"].push_back(machine_json(overview.cluster.machines[at]));
    whole["switches"] = switches(overview.cluster);
    whole["host_list"] = hosts(overview);
    whole["rank_list"] = ranks(overview, count);
    whole["link_classes"] = link_classes(overview);
    whole["pairs"] = pairs(overview);
    whole["tree"] = tree(overview, count);
    whole["predictions"] = predictions(overview);
    return lines_of(whole);
}

}  // namespace ipcrun::show
