// SPDX-License-Identifier: Apache-2.0
#include "launcher/show/host_kinds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "launcher/show/numbers.hpp"
#include "topology/machine.hpp"

namespace ipcrun::show {

namespace {

using topology::Machine;

/// Devices of one description, in order of the first.
struct Alike {
    std::string what;
    std::vector<std::string> names;
    std::vector<int> numa_nodes;  // the kernel's numbers
};

void add_alike(std::vector<Alike>& groups, const Machine& machine, const topology::Device& device,
               const std::string& what) {
    auto group = std::ranges::find(groups, what, &Alike::what);
    if (group == groups.end()) group = groups.insert(groups.end(), Alike{what, {}, {}});
    group->names.push_back(device.name);
    const int node = device.near.numa_node;
    if (node >= 0 && node < static_cast<int>(machine.numa_nodes.size()))
        group->numa_nodes.push_back(machine.numa_nodes[node].os_index);
}

std::string place_of(Alike& group, std::size_t numa_nodes) {
    if (group.numa_nodes.empty() || numa_nodes < 2) return "";
    std::ranges::sort(group.numa_nodes);
    group.numa_nodes.erase(std::unique(group.numa_nodes.begin(), group.numa_nodes.end()),
                           group.numa_nodes.end());
    return ", at NUMA " + format_some(group.numa_nodes, 24);
}

std::string joined_names(const std::vector<std::string>& names) {
    constexpr std::size_t shown = 4;
    if (names.size() > shown) return fmt::format("{} ... {}", names.front(), names.back());
    return fmt::format("{}", fmt::join(names, " "));
}

}  // namespace

std::vector<HostKind> host_kinds(const topology::Cluster& cluster,
                                 const topology::Placement& placement) {
    std::vector<HostKind> kinds;
    std::map<std::pair<int, int>, std::size_t> index_of;
    for (int host = 0; host < static_cast<int>(cluster.hosts.size()); ++host) {
        const int machine = cluster.hosts[host].machine;
        const int layout = placement.layout_of_host[host];
        const auto [at, is_new] = index_of.try_emplace({machine, layout}, kinds.size());
        if (is_new) kinds.push_back({machine, layout, {}});
        kinds[at->second].hosts.push_back(host);
    }
    std::stable_partition(kinds.begin(), kinds.end(),
                          [](const HostKind& kind) { return kind.layout >= 0; });
    return kinds;
}

std::string names_of(const topology::Cluster& cluster, const std::vector<int>& hosts) {
    const auto name = [&](int host) { return printable(cluster.hosts[host].name); };
    if (hosts.size() == 1) return name(hosts.front());
    if (hosts.size() == 2) return name(hosts.front()) + " and " + name(hosts.back());
    return fmt::format("{}, {} ... {}", counted(static_cast<std::int64_t>(hosts.size()), "host"),
                       name(hosts.front()), name(hosts.back()));
}

int last_level_caches(const Machine& machine) {
    std::set<int> caches;
    for (const topology::Core& core : machine.cores) caches.insert(core.last_level_cache);
    return static_cast<int>(caches.size());
}

std::string describe_processors(const Machine& machine) {
    std::string text = machine.model.empty() ? "" : printable(machine.model) + ", ";
    text += counted(machine.packages, "package");
    text += ", " + counted(static_cast<std::int64_t>(machine.numa_nodes.size()), "NUMA node");
    const int caches = last_level_caches(machine);
    text += ", " + counted(caches, "L3 cache");
    if (machine.last_level_cache_bytes > 0) {
        text += fmt::format(" of {}",
                            format_bytes(static_cast<double>(machine.last_level_cache_bytes)));
    }
    std::size_t cpus = 0;
    for (const topology::Core& core : machine.cores) cpus += core.cpus.size();
    text += ", " + counted(static_cast<std::int64_t>(machine.cores.size()), "core");
    if (cpus != machine.cores.size())
        text += fmt::format(" ({})", counted(static_cast<std::int64_t>(cpus), "CPU"));
    if (machine.memory_bytes > 0)
        text += ", " + format_bytes(static_cast<double>(machine.memory_bytes));
    if (machine.cpu_quota > 0) text += fmt::format(", quota of {:g} CPUs", machine.cpu_quota);
    return text;
}

std::vector<std::string> describe_gpus(const Machine& machine) {
    std::vector<Alike> groups;
    for (const topology::Gpu& gpu : machine.gpus) {
        std::string what = gpu.model.empty() ? "GPU" : printable(gpu.model);
        if (gpu.bytes > 0) what += ", " + format_bytes(static_cast<double>(gpu.bytes));
        if (gpu.host_gbytes_per_s > 0)
            what += ", direct to processors " + format_rate(gpu.host_gbytes_per_s);
        else if (gpu.gbytes_per_s > 0)
            what += ", PCIe " + format_rate(gpu.gbytes_per_s);
        add_alike(groups, machine, gpu, what);
    }
    std::vector<std::string> lines;
    for (Alike& group : groups) {
        lines.push_back(fmt::format("{} x {}{}", group.names.size(), group.what,
                                    place_of(group, machine.numa_nodes.size())));
    }
    return lines;
}

std::string describe_gpu_links(const Machine& machine) {
    if (machine.gpu_links.empty()) return "";
    std::map<std::pair<bool, double>, std::vector<std::string>> by_speed;
    for (const topology::GpuLink& link : machine.gpu_links) {
        by_speed[{link.switched, link.gbytes_per_s}].push_back(
            fmt::format("{}-{}", link.a, link.b));
    }
    const std::size_t gpus = machine.gpus.size();
    std::string text;
    for (const auto& [kind, pairs] : by_speed) {
        if (!text.empty()) text += "; ";
        constexpr std::size_t shown = 12;
        if (pairs.size() == gpus * (gpus - 1) / 2) {
            text += kind.first ? "each GPU to all others through switches" : "every pair of GPUs";
        } else if (pairs.size() <= shown) {
            text += fmt::format("GPUs {}", fmt::join(pairs, " "));
        } else {
            text += fmt::format("{} pairs of GPUs", pairs.size());
        }
        text += " " + format_rate(kind.second);
    }
    return text;
}

std::vector<std::string> describe_nics(const Machine& machine) {
    std::vector<Alike> groups;
    for (const topology::Nic& nic : machine.nics) {
        std::string what = nic.model.empty() ? "" : ", " + printable(nic.model);
        if (nic.network_gbytes_per_s > 0) what += ", " + format_rate(nic.network_gbytes_per_s);
        add_alike(groups, machine, nic, what);
    }
    std::vector<std::string> lines;
    for (Alike& group : groups) {
        lines.push_back(printable(joined_names(group.names)) + group.what +
                        place_of(group, machine.numa_nodes.size()));
    }
    return lines;
}

}  // namespace ipcrun::show
