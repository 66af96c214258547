// SPDX-License-Identifier: Apache-2.0
#include "launcher/step/seats.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "launcher/job_plan.hpp"
#include "launcher/switches.hpp"

namespace ipcrun {

namespace {

// Of the CPUs that a rank may run on those that its node's agent may use, too: all, where the
// kernel keeps the two apart.
std::vector<int> shared_cpus(const Card& card, const std::set<int>& of_machine) {
    std::vector<int> cpus;
    for (const int cpu : parse_list(card.cpus).value_or(std::vector<int>()))
        if (of_machine.contains(cpu)) cpus.push_back(cpu);
    return cpus.empty() ? std::vector<int>(of_machine.begin(), of_machine.end()) : cpus;
}

std::set<int> cpus_of(const topology::Machine& machine) {
    std::set<int> cpus;
    for (const topology::Core& core : machine.cores)
        cpus.insert(core.cpus.begin(), core.cpus.end());
    return cpus;
}

topology::Cluster make_cluster(const StepSeats& seats,
                               const std::vector<topology::Machine>& machines) {
    topology::Cluster cluster = topology::cluster_of(machines);
    std::vector<std::string> switches;
    for (std::size_t node = 0; node < seats.nodes.size(); ++node) {
        cluster.hosts[node].name = seats.nodes[node].host;
        switches.push_back(seats.card(seats.nodes[node].leader()).switches);
    }
    hang_on_switches(cluster, switches);
    return cluster;
}

topology::RankLine line_of(const StepSeats& seats, int rank, int number, int host,
                           const topology::Machine& machine) {
    return {.rank = number,
            .host = fmt::format("+n{}", host),
            .cpus = shared_cpus(seats.card(rank), cpus_of(machine))};
}

}  // namespace

RankEnvironment StepSeats::place_of(int rank) const {
    const int node_index = node_of[static_cast<std::size_t>(rank)];
    const std::vector<int>& local = node(node_index).ranks;
    const auto place = std::lower_bound(local.begin(), local.end(), rank);
    return {.rank = rank,
            .size = size(),
            .node = node_index,
            .local_rank = static_cast<int>(place - local.begin()),
            .local_size = static_cast<int>(local.size())};
}

std::string StepSeats::describe(int rank) const {
    return fmt::format("rank {} on node {}", rank, card(rank).host);
}

StepSeats seat_ranks(const std::vector<std::string>& cards) {
    StepSeats seats;
    std::map<std::string, int> node_by_id;
    for (const std::string& text : cards) {
        const int rank = seats.size();
        Card card = decode_card(text);
        const auto [entry, is_new] =
            node_by_id.emplace(card.node_id, static_cast<int>(seats.nodes.size()));
        if (is_new) seats.nodes.push_back({.host = card.host});
        StepNode& node = seats.nodes[static_cast<std::size_t>(entry->second)];
        node.ranks.push_back(rank);
        if (node.ranks.size() > static_cast<std::size_t>(node_ranks_max))
            fail(ErrorCode::config, "node {} has more than {} ranks", node.host, node_ranks_max);
        seats.node_of.push_back(entry->second);
        seats.cards.push_back(std::move(card));
    }
    if (seats.cards.empty()) fail(ErrorCode::protocol, "a step without a rank");
    return seats;
}

std::vector<int> plan_tree(const StepSeats& seats, const std::vector<topology::Machine>& machines,
                           bool is_over_tcp) {
    PlanWish wish{.ranks = seats.size()};
    if (is_over_tcp) wish.costs = topology::over_tcp(wish.costs);
    for (int rank = 0; rank < seats.size(); ++rank) {
        const int node = seats.node_of[static_cast<std::size_t>(rank)];
        wish.mapping.rankfile.push_back(
            line_of(seats, rank, rank, node, machines[static_cast<std::size_t>(node)]));
    }
    const JobPlan plan(make_cluster(seats, machines), wish);
    return plan.rank_tree().parent;
}

std::vector<topology::Place> places_on(const StepSeats& seats, int node,
                                       const topology::Machine& machine) {
    topology::Mapping mapping;
    const std::vector<int>& ranks = seats.node(node).ranks;
    for (std::size_t local = 0; local < ranks.size(); ++local)
        mapping.rankfile.push_back(
            line_of(seats, ranks[local], static_cast<int>(local), 0, machine));
    const topology::Placement placement = topology::place_ranks(
        topology::cluster_of(machine), static_cast<int>(ranks.size()), mapping);
    std::vector<topology::Place> places;
    for (int local = 0; local < placement.size(); ++local) places.push_back(placement.place(local));
    return places;
}

JobDirectory make_directory(const StepSeats& seats, const std::vector<int>& tree_parents) {
    JobDirectory directory;
    for (const StepNode& node : seats.nodes) directory.hosts.push_back(node.host);
    for (int rank = 0; rank < seats.size(); ++rank) {
        const RankEnvironment place = seats.place_of(rank);
        directory.seats.push_back({.host = static_cast<std::uint32_t>(place.node),
                                   .local_rank = static_cast<std::uint32_t>(place.local_rank),
                                   .address = seats.card(rank).address,
                                   .tree_parent = static_cast<std::uint32_t>(
                                       tree_parents[static_cast<std::size_t>(rank)] + 1)});
    }
    return directory;
}

}  // namespace ipcrun
