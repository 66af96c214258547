// SPDX-License-Identifier: Apache-2.0
#include "topology/place/rankfile_placement.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "topology/place/bound_place.hpp"
#include "topology/place/gpu_shares.hpp"
#include "topology/place/nic_choice.hpp"

namespace ipcrun::topology {

namespace {

void check_agreement(std::optional<int> ranks, const Mapping& mapping) {
    if (mapping.map_by != MapBy{} || mapping.rank_by != RankBy::automatic ||
        mapping.bind_to != BindTo::automatic)
        fail(ErrorCode::usage,
             "--rankfile says all about the place of every rank: leave out --map-by, --rank-by and "
             "--bind-to");
    const std::size_t lines = mapping.rankfile.size();
    if (ranks && static_cast<std::size_t>(*ranks) != lines)
        fail(ErrorCode::usage, "--rankfile has lines for {} rank{}, not the {} of -n", lines,
             lines == 1 ? "" : "s", *ranks);
    for (std::size_t rank = 0; rank < lines; ++rank)
        if (mapping.rankfile[rank].rank != static_cast<int>(rank))
            fail(ErrorCode::usage, "--rankfile: line {} is not of rank {}", rank + 1, rank);
}

class Hosts {
  public:
    explicit Hosts(const Cluster& cluster) : count_(cluster.hosts.size()) {
        for (std::size_t host = 0; host < count_; ++host)
            by_name_.emplace(cluster.hosts[host].name, static_cast<int>(host));
        for (std::size_t host = 0; host < std::min<std::size_t>(count_, 4); ++host)
            known_ += (host > 0 ? ", " : "") + cluster.hosts[host].name;
        if (count_ > 4) known_ += ", ...";
    }

    int find(const RankLine& line) const {
        if (line.host.rfind("+n", 0) == 0) {
            const auto index = parse_number<int>(std::string_view(line.host).substr(2));
            if (!index || *index < 0 || static_cast<std::size_t>(*index) >= count_)
                fail(ErrorCode::usage,
                     "--rankfile: rank {} is to go to {}, but the hosts of this job are +n0 to "
                     "+n{}",
                     line.rank, line.host, count_ - 1);
            return *index;
        }
        const auto host = by_name_.find(line.host);
        if (host == by_name_.end())
            fail(ErrorCode::usage,
                 "--rankfile: rank {} is to go to {}, which is no host of this job ({})", line.rank,
                 line.host, known_);
        return host->second;
    }

  private:
    std::size_t count_;
    std::unordered_map<std::string, int> by_name_;
    std::string known_;
};

using CpuLists = std::vector<const std::vector<int>*>;

std::unordered_map<int, int> core_of_cpu(const Machine& machine) {
    std::unordered_map<int, int> cores;
    for (const int core : all_cores(machine))
        for (const int cpu : machine.cores[static_cast<std::size_t>(core)].cpus)
            cores.emplace(cpu, core);
    return cores;
}

void check_allowed(const std::unordered_map<int, int>& cores, const RankLine& line,
                   const std::string& host) {
    for (const int cpu : line.cpus)
        if (cores.count(cpu) == 0) {
            std::vector<int> allowed;
            for (const auto& entry : cores) allowed.push_back(entry.first);
            std::sort(allowed.begin(), allowed.end());
            fail(ErrorCode::usage,
                 "--rankfile: rank {}: CPU {} is not among those of host {} that may be used ({})",
                 line.rank, cpu, host, format_list(allowed));
        }
}

std::vector<Place> places_on(const Machine& machine, bool gpus, const CpuLists& lists) {
    const auto core_of = core_of_cpu(machine);
    std::vector<Share> shares;
    std::vector<int> users(machine.cores.size());
    for (const auto* cpus : lists) {
        std::vector<int> cores;
        for (const int cpu : *cpus) cores.push_back(core_of.at(cpu));
        std::sort(cores.begin(), cores.end());
        cores.erase(std::unique(cores.begin(), cores.end()), cores.end());
        for (const int core : cores) ++users[static_cast<std::size_t>(core)];
        shares.push_back({.cores = std::move(cores)});
    }
    if (gpus && !machine.gpus.empty()) give_gpus(machine, shares);
    const std::vector<int> nics = choose_nics(machine, shares);
    std::vector<Place> places;
    for (std::size_t rank = 0; rank < lists.size(); ++rank) {
        const Share& share = shares[rank];
        Place place = place_on_cores(machine, share.cores);
        place.cpus = *lists[rank];
        const auto own = std::count_if(share.cores.begin(), share.cores.end(), [&](int core) {
            return users[static_cast<std::size_t>(core)] == 1;
        });
        place.threads = threads_within_quota(machine, static_cast<int>(lists.size()),
                                             std::max(static_cast<int>(own), 1));
        place.gpu = share.gpu;
        place.nic = nics[rank];
        places.push_back(std::move(place));
    }
    return places;
}

}  // namespace

Placement place_by_rankfile(const Cluster& cluster, std::optional<int> ranks,
                            const Mapping& mapping) {
    check_agreement(ranks, mapping);
    const Hosts hosts(cluster);
    std::vector<std::unordered_map<int, int>> cores_by_machine;
    for (const Machine& machine : cluster.machines)
        cores_by_machine.push_back(core_of_cpu(machine));
    Placement placement;
    std::vector<std::vector<int>> ranks_by_host(cluster.hosts.size());
    for (const RankLine& line : mapping.rankfile) {
        const auto index = static_cast<std::size_t>(hosts.find(line));
        const Host& host = cluster.hosts[index];
        check_allowed(cores_by_machine[static_cast<std::size_t>(host.machine)], line, host.name);
        placement.seats.push_back(
            {static_cast<int>(index), static_cast<int>(ranks_by_host[index].size())});
        ranks_by_host[index].push_back(line.rank);
    }
    std::map<std::pair<int, std::vector<std::vector<int>>>, int> known;
    placement.first_of_host = {0};
    for (std::size_t host = 0; host < cluster.hosts.size(); ++host) {
        const std::vector<int>& local = ranks_by_host[host];
        placement.ranks.insert(placement.ranks.end(), local.begin(), local.end());
        placement.first_of_host.push_back(static_cast<int>(placement.ranks.size()));
        placement.layout_of_host.push_back(-1);
        if (local.empty()) continue;
        const int machine = cluster.hosts[host].machine;
        CpuLists lists;
        std::vector<std::vector<int>> key;
        for (const int rank : local) {
            lists.push_back(&mapping.rankfile[static_cast<std::size_t>(rank)].cpus);
            key.push_back(*lists.back());
        }
        const auto [layout, is_new] = known.emplace(std::pair(machine, std::move(key)),
                                                    static_cast<int>(placement.layouts.size()));
        if (is_new)
            placement.layouts.push_back(
                {machine,
                 places_on(cluster.machine_of(static_cast<int>(host)), mapping.gpus, lists)});
        placement.layout_of_host.back() = layout->second;
    }
    return placement;
}

}  // namespace ipcrun::topology
