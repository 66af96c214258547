// SPDX-License-Identifier: Apache-2.0
#include "launcher/plan.hpp"

#include <algorithm>
#include <bit>
#include <set>
#include <string_view>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "launcher/environment.hpp"
#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

namespace {

// Twice the memory, so that a fragmented arena never is what ends a program first.
std::uint64_t arena_bytes(const topology::Machine& machine, int ranks) {
    constexpr std::uint64_t arena_bytes_min = 1ull << 30;
    const std::uint64_t memory = std::min(machine.memory_bytes, heap_bytes_max);
    const std::uint64_t wanted = std::bit_ceil(std::max(2 * memory, arena_bytes_min));
    return std::min(wanted, std::bit_floor(heap_bytes_max / static_cast<std::uint64_t>(ranks)));
}

int stdin_rank(const Options& options, InputKind kind, int ranks) {
    if (!options.stdin_rank) return kind == InputKind::terminal ? no_rank : 0;
    if (*options.stdin_rank == stdin_none) return no_rank;
    if (*options.stdin_rank >= ranks)
        fail(ErrorCode::usage, "option --stdin {}: the ranks of this job are 0 to {}",
             *options.stdin_rank, ranks - 1);
    return *options.stdin_rank;
}

}  // namespace

void check_rank_count(int ranks) {
    if (ranks > node_ranks_max)
        fail(ErrorCode::usage, "option -n {}: a host can have {} ranks at most", ranks,
             node_ranks_max);
}

Launch make_launch(const Options& options, const Program& program, const Surroundings& surroundings,
                   const JobPlan& plan) {
    const topology::Machine& machine = plan.cluster().machine_of(0);
    const int ranks = plan.ranks();
    check_rank_count(ranks);
    Launch launch;
    launch.program = program.file;
    launch.argv = program.argv;
    launch.environment = common_environment(options, surroundings);
    launch.ignored_signals = surroundings.ignored_signals;
    launch.stdin_rank = stdin_rank(options, surroundings.standard_input, ranks);
    if (surroundings.standard_input == InputKind::terminal)
        launch.terminal_group = surroundings.process_group;
    launch.whole_lines = ranks > 1;
    launch.arena_bytes = arena_bytes(machine, ranks);
    launch.usable_cpus = usable_cpus(machine);
    const bool is_bound = options.mapping.bind_to != topology::BindTo::none;
    for (int rank = 0; rank < ranks; ++rank) {
        const topology::Place& place = plan.placement().place(rank);
        RankSpec spec{.threads = place.threads,
                      .spot = place.spot,
                      .tree_parent = plan.rank_tree().parent[static_cast<std::size_t>(rank)]};
        if (is_bound) {
            spec.cpus = place.cpus;
            spec.memory_nodes = place.memory_nodes;
        }
        spec.environment = rank_environment(launch.environment, rank, ranks, machine, place);
        launch.ranks.push_back(std::move(spec));
    }
    std::vector<std::vector<std::string>*> environments;
    for (RankSpec& spec : launch.ranks) environments.push_back(&spec.environment);
    separate(launch.environment, environments);
    return launch;
}

std::string format_bindings(const Launch& launch, const topology::Machine& machine) {
    std::string text;
    for (std::size_t rank = 0; rank < launch.ranks.size(); ++rank) {
        const RankSpec& spec = launch.ranks[rank];
        std::set<int> nodes(spec.memory_nodes.begin(), spec.memory_nodes.end());
        std::vector<int> cpus = spec.cpus;
        for (const topology::Core& core : machine.cores) {
            const bool is_allowed = std::any_of(core.cpus.begin(), core.cpus.end(), [&](int cpu) {
                return std::binary_search(spec.cpus.begin(), spec.cpus.end(), cpu);
            });
            if (spec.cpus.empty()) cpus.insert(cpus.end(), core.cpus.begin(), core.cpus.end());
            if (spec.cpus.empty() || is_allowed)
                nodes.insert(machine.numa_nodes[static_cast<std::size_t>(core.numa_node)].os_index);
        }
        std::sort(cpus.begin(), cpus.end());
        text += fmt::format("rank {}: {} {}, NUMA node{} {}, {} thread{}\n", rank,
                            spec.cpus.empty() ? "not bound, cpus" : "cpus", format_list(cpus),
                            nodes.size() == 1 ? "" : "s", format_list({nodes.begin(), nodes.end()}),
                            spec.threads, spec.threads == 1 ? "" : "s");
    }
    return text;
}

}  // namespace ipcrun
