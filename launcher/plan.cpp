// SPDX-License-Identifier: Apache-2.0
#include "launcher/plan.hpp"

#include <algorithm>
#include <bit>
#include <set>
#include <string_view>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "runtime/wire/control_segment.hpp"
#include "runtime/wire/family_protocol.hpp"
#include "runtime/wire/rank_environment.hpp"
#include "topology/place/placement.hpp"

namespace ipcrun {

namespace {

constexpr std::string_view terminal_variable = "IPCRUN_TERMINAL";
constexpr std::string_view thread_variables[] = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"};

std::string_view name_of_variable(std::string_view setting) {
    return setting.substr(0, setting.find('='));
}

bool has_variable(const std::vector<std::string>& environment, std::string_view name) {
    return std::any_of(environment.begin(), environment.end(), [name](const std::string& setting) {
        return name_of_variable(setting) == name;
    });
}

void remove_variable(std::vector<std::string>& environment, std::string_view name) {
    std::erase_if(environment,
                  [name](const std::string& setting) { return name_of_variable(setting) == name; });
}

std::vector<std::string> common_environment(const Options& options,
                                            const Surroundings& surroundings) {
    std::vector<std::string> environment = surroundings.environment;
    std::vector<std::string> ours = RankEnvironment().format();
    ours.emplace_back(terminal_variable);
    ours.push_back(fmt::format("{}=", parent_fd_variable));
    // There when ipcrun runs in a rank of another job, or as a child: a rank would take its own
    // socket for that of the child.
    for (const std::string& variable : ours)
        remove_variable(environment, name_of_variable(variable));
    for (const EnvironmentSetting& setting : options.environment) {
        if (has_variable(ours, setting.name))
            fail(ErrorCode::usage, "option -x {}: this variable is for ipcrun to set",
                 setting.name);
        if (!setting.value) {
            if (!has_variable(environment, setting.name))
                fail(ErrorCode::usage,
                     "option -x {}: the variable is not set (export it, or give -x {}=VALUE)",
                     setting.name, setting.name);
            continue;
        }
        remove_variable(environment, setting.name);
        environment.push_back(fmt::format("{}={}", setting.name, *setting.value));
    }
    if (surroundings.output_is_terminal)
        environment.push_back(fmt::format("{}=1", terminal_variable));
    return environment;
}

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

std::vector<std::string> rank_environment(const Launch& launch, int rank, int ranks, int threads) {
    RankEnvironment place;
    place.rank = place.local_rank = rank;
    place.size = place.local_size = ranks;
    place.control_fd = control_fd_number;
    std::vector<std::string> environment = place.format();
    for (const std::string_view name : thread_variables)
        if (!has_variable(launch.environment, name))
            environment.push_back(fmt::format("{}={}", name, threads));
    return environment;
}

}  // namespace

Launch make_plan(const Options& options, const Program& program, const Surroundings& surroundings,
                 const topology::Machine& machine) {
    const int ranks = options.ranks.value_or(std::min(usable_cores(machine), node_ranks_max));
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
    const topology::Placement placement =
        topology::place_ranks(topology::cluster_of(machine), ranks, options.mapping);
    for (int rank = 0; rank < ranks; ++rank) {
        const topology::Place& place = placement.place(rank);
        RankSpec spec{.cpus = place.cpus,
                      .memory_nodes = place.memory_nodes,
                      .threads = place.threads,
                      .spot = place.spot};
        if (options.mapping.bind_to == topology::BindTo::none) {
            spec.cpus.clear();
            spec.memory_nodes.clear();
        }
        spec.environment = rank_environment(launch, rank, ranks, place.threads);
        launch.ranks.push_back(std::move(spec));
    }
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
