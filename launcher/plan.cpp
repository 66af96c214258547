// SPDX-License-Identifier: Apache-2.0
#include "launcher/plan.hpp"

#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <set>
#include <string_view>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "launcher/environment.hpp"
#include "launcher/hosts/host_environment.hpp"
#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

namespace {

int stdin_rank(const Options& options, InputKind kind, int ranks) {
    if (!options.stdin_rank) return kind == InputKind::terminal ? no_rank : 0;
    if (*options.stdin_rank == stdin_none) return no_rank;
    if (*options.stdin_rank >= ranks)
        fail(ErrorCode::usage, "option --stdin {}: the ranks of this job are 0 to {}",
             *options.stdin_rank, ranks - 1);
    return *options.stdin_rank;
}

JobSecret random_secret() {
    JobSecret secret;
    // So few bytes come at once and in one piece (random(7)), once the machine has any to give.
    const auto count = ::getrandom(secret.data(), secret.size(), 0);
    if (count != static_cast<ssize_t>(secret.size()))
        fail_errno(count < 0 ? errno : EIO, "make the secret of the job: read random numbers");
    return secret;
}

std::string present_directory() {
    std::error_code error;
    const auto path = std::filesystem::current_path(error);
    if (error)
        fail(ErrorCode::usage, "find the present directory, for ranks on other hosts: {}",
             error.message());
    return path;
}

// The program is looked for there, for a relative name may mean another.
void move_to(Launch& launch, std::string directory, const Options& options) {
    launch.program.clear();
    launch.argv = options.command;
    launch.directory = std::move(directory);
}

// What is not as it would be here.
void make_remote(Launch& launch, const NamedHost& host, const Options& options,
                 const std::vector<std::string>& host_variables) {
    move_to(launch, host.directory.empty() ? present_directory() : host.directory, options);
    launch.stdin_is_sent = true;
    std::vector<std::string> kept;
    for (const EnvironmentSetting& setting : options.environment) kept.push_back(setting.name);
    launch.own_variables = own_variables(kept);
    for (const std::string& name : host_variables)
        if (std::find(kept.begin(), kept.end(), name) == kept.end())
            launch.own_variables.push_back(name);
    launch.environment = forwarded(std::move(launch.environment), launch.own_variables);
}

}  // namespace

// Twice the memory, so that a fragmented arena never is what ends a program first.
std::uint64_t arena_bytes(const topology::Machine& machine, int ranks) {
    constexpr std::uint64_t arena_bytes_min = 1ull << 30;
    const std::uint64_t memory = std::min(machine.memory_bytes, heap_bytes_max);
    const std::uint64_t wanted = std::bit_ceil(std::max(2 * memory, arena_bytes_min));
    return std::min(wanted, std::bit_floor(heap_bytes_max / static_cast<std::uint64_t>(ranks)));
}

void check_rank_count(int ranks, std::size_t hosts) {
    const auto most = static_cast<std::int64_t>(hosts) * node_ranks_max;
    if (ranks > most)
        fail(ErrorCode::usage, "option -n {}: a host can have {} ranks at most{}", ranks,
             node_ranks_max, hosts > 1 ? fmt::format(", and there are {} hosts", hosts) : "");
}

std::vector<Launch> make_launches(const Options& options, const std::vector<NamedHost>& hosts,
                                  int own_host, const Program& program,
                                  const Surroundings& surroundings, const JobPlan& plan) {
    const int ranks = plan.ranks();
    Launch common;
    common.program = program.file;
    common.argv = program.argv;
    common.environment = common_environment(options, surroundings);
    if (hosts.size() > 1) size_universe(common.environment, ranks);
    common.ignored_signals = surroundings.ignored_signals;
    common.whole_lines = ranks > 1;
    common.job_ranks = ranks;
    common.secret = random_secret();
    const int input_rank = stdin_rank(options, surroundings.standard_input, ranks);
    const bool is_bound = options.mapping.bind_to != topology::BindTo::none;
    std::vector<Launch> launches;
    for (int host = 0; host < static_cast<int>(hosts.size()); ++host) {
        const topology::Machine& machine = plan.cluster().machine_of(host);
        const auto ranks_here = plan.placement().ranks_of(host);
        const auto count = static_cast<int>(ranks_here.size());
        Launch launch = common;
        const NamedHost& named = hosts[static_cast<std::size_t>(host)];
        if (host != own_host)
            make_remote(launch, named, options, surroundings.host_variables);
        else if (!named.directory.empty())
            move_to(launch, named.directory, options);
        check_rank_count(count, 1);
        if (count > 0) launch.arena_bytes = arena_bytes(machine, count);
        launch.usable_cpus = usable_cpus(machine);
        for (int local = 0; local < count; ++local) {
            const int rank = ranks_here[static_cast<std::size_t>(local)];
            if (rank == input_rank) launch.stdin_rank = local;
            const topology::Place& place = plan.placement().place(rank);
            RankSpec spec{.threads = place.threads,
                          .spot = place.spot,
                          .tree_parent = plan.rank_tree().parent[static_cast<std::size_t>(rank)]};
            if (is_bound) {
                spec.cpus = place.cpus;
                spec.memory_nodes = place.memory_nodes;
            }
            const RankEnvironment numbers{.rank = rank,
                                          .size = ranks,
                                          .node = host,
                                          .local_rank = local,
                                          .local_size = count};
            spec.environment = rank_environment(launch.environment, numbers, machine, place);
            launch.ranks.push_back(std::move(spec));
        }
        if (host == own_host && launch.stdin_rank != no_rank &&
            surroundings.standard_input == InputKind::terminal)
            launch.terminal_group = surroundings.process_group;
        std::vector<std::vector<std::string>*> environments;
        for (RankSpec& spec : launch.ranks) environments.push_back(&spec.environment);
        separate(launch.environment, environments);
        // Nor has a rank two of what its host has, too.
        std::erase_if(launch.own_variables, [&](const std::string& name) {
            return std::any_of(environments.begin(), environments.end(), [&](const auto* own) {
                return find_variable(*own, name).has_value();
            });
        });
        launches.push_back(std::move(launch));
    }
    return launches;
}

namespace {

std::string format_binding(const RankSpec& spec, const topology::Machine& machine) {
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
    return fmt::format("{} {}, NUMA node{} {}, {} thread{}\n",
                       spec.cpus.empty() ? "not bound, cpus" : "cpus", format_list(cpus),
                       nodes.size() == 1 ? "" : "s", format_list({nodes.begin(), nodes.end()}),
                       spec.threads, spec.threads == 1 ? "" : "s");
}

}  // namespace

std::string format_bindings(const std::vector<Launch>& launches, const JobPlan& plan) {
    std::string text;
    for (int rank = 0; rank < plan.ranks(); ++rank) {
        const auto [host, local] = plan.placement().seat(rank);
        const auto& name = plan.cluster().hosts[static_cast<std::size_t>(host)].name;
        const RankSpec& spec =
            launches[static_cast<std::size_t>(host)].ranks[static_cast<std::size_t>(local)];
        text += fmt::format("rank {}: {}{}", rank,
                            launches.size() == 1 ? "" : fmt::format("host {}, ", name),
                            format_binding(spec, plan.cluster().machine_of(host)));
    }
    return text;
}

}  // namespace ipcrun
