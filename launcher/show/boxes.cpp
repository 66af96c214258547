// SPDX-License-Identifier: Apache-2.0
// What is within what.
#include "launcher/show/boxes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.hpp"
#include "launcher/show/host_kinds.hpp"
#include "launcher/show/numbers.hpp"

namespace ipcrun::show {

namespace {

using topology::Core;
using topology::Device;
using topology::Machine;

/// The ranks of a host by what they use.
struct Users {
    std::map<int, std::vector<int>> of_cpu, of_gpu;
};

Users users_of(const Overview& overview, int host) {
    Users users;
    const int layout = overview.placement.layout_of_host[host];
    if (layout < 0) return users;
    const auto ranks = overview.placement.ranks_of(host);
    const auto& places = overview.placement.layouts[layout].places;
    for (std::size_t local = 0; local < ranks.size(); ++local) {
        for (const int cpu : places[local].cpus) users.of_cpu[cpu].push_back(ranks[local]);
        if (places[local].gpu >= 0) users.of_gpu[places[local].gpu].push_back(ranks[local]);
    }
    return users;
}

Box core_box(const Core& core, const Users& users) {
    Box box{.kind = Box::Kind::core, .title = "CPU " + format_list(core.cpus)};
    for (const int cpu : core.cpus) {
        const auto ranks = users.of_cpu.find(cpu);
        if (ranks == users.of_cpu.end()) continue;
        box.ranks.insert(box.ranks.end(), ranks->second.begin(), ranks->second.end());
    }
    std::ranges::sort(box.ranks);
    box.ranks.erase(std::unique(box.ranks.begin(), box.ranks.end()), box.ranks.end());
    return box;
}

/// The boxes of one host while they are put into each other.
class Builder {
  public:
    Builder(const Overview& overview, int host)
        : machine_(overview.cluster.machine_of(host)), users_(users_of(overview, host)) {
        has_numa_ = machine_.numa_nodes.size() > 1;
        has_l3_ = last_level_caches(machine_) < static_cast<int>(machine_.cores.size());
        host_.title = overview.cluster.hosts[host].name;
    }

    Box build() {
        for (const Core& core : machine_.cores)
            place(core.package, core.numa_node, core.last_level_cache)
                .cores.push_back(core_box(core, users_));
        find_switches();
        for (std::size_t gpu = 0; gpu < machine_.gpus.size(); ++gpu) add_gpu(static_cast<int>(gpu));
        for (const topology::Nic& nic : machine_.nics) add_nic(nic);
        return std::move(host_);
    }

  private:
    /// The box of this kind and name, made when it is not there.
    static Box& within(Box& outer, Box::Kind kind, const std::string& title) {
        for (Box& box : outer.inner)
            if (box.title == title) return box;
        return outer.inner.emplace_back(Box{.kind = kind, .title = title});
    }

    Box& place(int package, int numa, int l3) {
        Box* box = &within(host_, Box::Kind::package, fmt::format("package {}", package));
        if (has_numa_)
            box = &within(*box, Box::Kind::numa,
                          fmt::format("NUMA {}", machine_.numa_nodes[numa].os_index));
        return has_l3_ ? within(*box, Box::Kind::l3, fmt::format("L3 #{}", l3)) : *box;
    }

    /// The box of what a device is near to: that of a core that has the same.
    Box& place_of(const topology::Nearness& near) {
        const auto fits = [&](const Core& core) {
            return (near.last_level_cache < 0 || core.last_level_cache == near.last_level_cache) &&
                   (near.numa_node < 0 || core.numa_node == near.numa_node) &&
                   (near.package < 0 || core.package == near.package);
        };
        const auto core = std::ranges::find_if(machine_.cores, fits);
        if (near == topology::Nearness() || core == machine_.cores.end()) return host_;
        Box* box = &within(host_, Box::Kind::package, fmt::format("package {}", core->package));
        if (has_numa_ && near.numa_node >= 0)
            box = &within(*box, Box::Kind::numa,
                          fmt::format("NUMA {}", machine_.numa_nodes[near.numa_node].os_index));
        if (has_l3_ && near.last_level_cache >= 0 && (!has_numa_ || near.numa_node >= 0))
            box = &within(*box, Box::Kind::l3, fmt::format("L3 #{}", near.last_level_cache));
        return *box;
    }

    /// A bridge below a host bridge with several cards is drawn as a switch; ports of one card
    /// differ in their function alone.
    void find_switches() {
        cards_below_.assign(machine_.bridges.size(), {});
        const auto count = [this](const Device& device) {
            const std::string card = device.pci_id.empty()
                                         ? device.name
                                         : device.pci_id.substr(0, device.pci_id.rfind('.'));
            for (int at = device.bridge; at >= 0; at = machine_.bridges[at].parent)
                cards_below_[at].insert(card);
        };
        std::ranges::for_each(machine_.gpus, count);
        std::ranges::for_each(machine_.nics, count);
    }

    std::vector<Box>& devices_at(const Device& device) {
        Box& box = place_of(device.near);
        int found = -1;
        for (int at = device.bridge; at >= 0; at = machine_.bridges[at].parent)
            if (machine_.bridges[at].parent >= 0 && cards_below_[at].size() > 1) found = at;
        if (found < 0) return box.devices;
        // Found again by its number: the title is the same for all.
        const std::string tip = fmt::format("bridge {} {}", found, machine_.bridges[found].pci_id);
        for (Box& known : box.switches)
            if (known.tip == tip) return known.devices;
        box.switches.push_back(
            {.kind = Box::Kind::pcie_switch, .title = "PCIe switch", .tip = tip});
        return box.switches.back().devices;
    }

    void add_gpu(int index) {
        const topology::Gpu& gpu = machine_.gpus[index];
        Box box{.kind = Box::Kind::gpu, .title = gpu.name};
        if (const auto ranks = users_.of_gpu.find(index); ranks != users_.of_gpu.end())
            box.ranks = ranks->second;
        const double rate = std::max(gpu.host_gbytes_per_s, gpu.gbytes_per_s);
        box.remark = rate > 0 ? format_rate(rate) : "GPU";
        devices_at(gpu).push_back(std::move(box));
    }

    void add_nic(const topology::Nic& nic) {
        Box box{.kind = Box::Kind::nic, .title = nic.name};
        box.remark = nic.network_gbytes_per_s > 0 ? format_rate(nic.network_gbytes_per_s) : "NIC";
        devices_at(nic).push_back(std::move(box));
    }

    const Machine& machine_;
    Users users_;
    bool has_numa_ = false, has_l3_ = false;
    Box host_;
    std::vector<std::set<std::string>> cards_below_;
};

/// A box that has nothing but one other takes over what that has.
void merge_only_ones(Box& box) {
    for (Box& inner : box.inner) merge_only_ones(inner);
    if (box.inner.size() != 1 || box.kind == Box::Kind::host) return;
    if (!box.cores.empty() || !box.switches.empty() || !box.devices.empty()) return;
    Box only = std::move(box.inner[0]);
    box.title += ", " + only.title;
    box.inner = std::move(only.inner);
    box.cores = std::move(only.cores);
    box.switches = std::move(only.switches);
    box.devices = std::move(only.devices);
}

}  // namespace

std::string format_ranks(const std::vector<int>& ranks) {
    if (ranks.empty()) return "";
    return (ranks.size() == 1 ? "rank " : "ranks ") + format_some(ranks, 9);
}

Box host_box(const Overview& overview, int host) {
    Box box = Builder(overview, host).build();
    merge_only_ones(box);
    return box;
}

}  // namespace ipcrun::show
