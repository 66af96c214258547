// SPDX-License-Identifier: Apache-2.0
#include "launcher/dry_run.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/fail.hpp"
#include "launcher/hosts/allocation.hpp"
#include "launcher/hosts/host_agent.hpp"
#include "launcher/hosts/survey.hpp"
#include "launcher/job_plan.hpp"
#include "launcher/plan.hpp"
#include "launcher/show/explanation.hpp"
#include "launcher/show/host_kinds.hpp"
#include "launcher/show/json.hpp"
#include "launcher/show/make_overview.hpp"
#include "launcher/show/picture.hpp"
#include "launcher/show/text.hpp"
#include "launcher/signals.hpp"
#include "launcher/slurm/srun.hpp"

namespace ipcrun {

namespace {

// Kinds of hosts are few, but nobody reads pages of notes.
constexpr std::size_t notes_max = 8;

void write_file(const std::string& path, const std::string& text) {
    std::FILE* file = std::fopen(path.c_str(), "we");
    const bool written =
        file != nullptr && std::fwrite(text.data(), 1, text.size(), file) == text.size();
    int error_number = errno;
    if (file != nullptr && std::fclose(file) != 0 && written)
        error_number = errno;
    else if (written)
        return;
    fail(ErrorCode::usage, "option --picture {}: {}", path, std::strerror(error_number));
}

std::optional<topology::SharedMemoryCosts> shared_memory_of(const JobPlan& plan) {
    const auto& hosts = plan.placement().layout_of_host;
    if (std::count(hosts.begin(), hosts.end(), -1) + 1 != std::ssize(hosts)) return std::nullopt;
    topology::SharedMemoryCosts costs = topology::default_shared_memory_costs();
    costs.cpus = usable_cpus(plan.cluster().machine_of(plan.placement().seat(0).host));
    return costs;
}

std::vector<show::Setting> settings_of(const Options& options) {
    std::vector<show::Setting> settings;
    const auto add = [&](const char* name, std::string value, bool is_given) {
        if (is_given) settings.push_back({name, std::move(value)});
    };
    const topology::Mapping& mapping = options.mapping;
    add("hosts", options.hosts, !options.hosts.empty());
    add("hostfile", options.hostfile, !options.hostfile.empty());
    add("exclude", options.excluded_hosts, !options.excluded_hosts.empty());
    add("map-by", topology::format_map_by(mapping.map_by), mapping.map_by != topology::MapBy{});
    add("bind-to", std::string(topology::name_of(mapping.bind_to)),
        mapping.bind_to != topology::BindTo::automatic);
    add("rankfile", options.rankfile, !options.rankfile.empty());
    add("links", options.links, !options.links.empty());
    add("tree-degree", options.tree_degree == 0 ? "auto" : std::to_string(options.tree_degree),
        options.tree_degree != 2);
    return settings;
}

// What is not as people may think it is.
std::vector<std::string> notes_on(const JobPlan& plan, const PlanWish& wish) {
    std::vector<std::string> notes;
    if (!wish.warning.empty()) notes.push_back(wish.warning);
    const auto& layouts = plan.placement().layouts;
    const auto has_gpu = [](const topology::Place& place) { return place.gpu >= 0; };
    if (std::any_of(layouts.begin(), layouts.end(), [&](const topology::Layout& layout) {
            return std::any_of(layout.places.begin(), layout.places.end(), has_gpu);
        }))
        notes.emplace_back(
            "ranks have GPUs: links, tree and messages are those of GPU memory, flags and "
            "work-sharing those of host memory");
    if (!wish.costs_measured.empty())
        notes.push_back(
            fmt::format("links within a host cost what was measured on {} "
                        "(--measure-links)",
                        wish.costs_measured));
    const topology::Cluster& cluster = plan.cluster();
    for (const show::HostKind& kind : show::host_kinds(cluster, plan.placement())) {
        if (kind.layout < 0) continue;
        const topology::Machine& machine = cluster.machines[static_cast<std::size_t>(kind.machine)];
        const std::string names = show::names_of(cluster, kind.hosts);
        const auto ranks = plan.placement().ranks_of(kind.hosts.front()).size();
        const std::size_t cores = machine.cores.size();
        if (ranks > cores)
            notes.push_back(
                fmt::format("{}: {} ranks share {} core{}{}; operations take longer where "
                            "ranks have to take turns, which the time of the tree leaves out",
                            names, ranks, cores, cores == 1 ? "" : "s",
                            kind.hosts.size() == 1 ? "" : " of each"));
        if (machine.cpu_quota > 0)
            notes.push_back(fmt::format("{}: a cgroup allows processor time of {:g} CPUs", names,
                                        machine.cpu_quota));
        if (notes.size() >= notes_max) break;
    }
    return notes;
}

// Whoever asked for a plan and did not get it has to know; a reader that has gone away does.
void print(const std::string& text) {
    const bool is_written =
        std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
    if (!is_written && errno != EPIPE) fail_errno(errno, "write the plan to standard output");
}

// What is planned for, and what people may want to know of it.
struct Planned {
    topology::Cluster cluster;
    std::vector<std::string> notes = {};
};

Planned survey_hosts(const Options& options, const Allocation& allocation,
                     const std::vector<std::string>& environment) {
    const std::vector<NamedHost>& hosts = allocation.hosts;
    check_rank_count(options.ranks.value_or(1), hosts.size());
    const int own = allocation.slurm_job.empty() ? find_own_host(hosts) : -1;
    prepare_signals();
    const std::vector<Ready> readies = survey(hosts, own, start_of(options, allocation.slurm_job),
                                              {.devices = true, .interface = options.interface});
    std::vector<Route> routes;
    for (const Ready& ready : readies) routes.push_back(ready.route);
    Planned planned{cluster_of_hosts(hosts, readies, environment)};
    if (hosts.size() > 1)
        planned.notes = describe_addresses(
            hosts,
            choose_addresses(routes, own, options.interface,
                             allocation.slurm_job.empty() ? reached_by_ssh : seen_by_launcher));
    return planned;
}

// Where the machines come from, for people.
std::string source_of(const Options& options, const Allocation& allocation) {
    if (!options.machines.empty()) return options.machines;
    if (allocation.hosts.empty()) return "this host";
    if (!allocation.slurm_job.empty()) return fmt::format("of Slurm job {}", allocation.slurm_job);
    if (!options.hosts.empty()) return "of --hosts";
    return fmt::format("of {}", options.hostfile.empty() ? hosts_variable : options.hostfile);
}

}  // namespace

int show_plan(const Options& given, const Inputs& inputs, const Surroundings& surroundings) {
    const Allocation allocation = find_hosts(given, surroundings.environment);
    const std::vector<std::string> environment = allocation.slurm_job.empty()
                                                     ? surroundings.environment
                                                     : without_own_node(surroundings).environment;
    Options options = given;
    Planned planned = allocation.hosts.empty() ? Planned{cluster_to_plan_for(inputs, environment)}
                                               : survey_hosts(options, allocation, environment);
    const std::string note = unbind_among_strangers(options, allocation.hosts, planned.cluster);
    if (!note.empty()) planned.notes.push_back(note);
    const PlanWish wish = make_wish(options, inputs, planned.cluster.machine_of(0), environment);
    const JobPlan plan(std::move(planned.cluster), wish);
    show::Overview overview = show::make_overview(plan.cluster(), plan.placement(), plan.links(),
                                                  plan.tree(), {.degree_max = options.tree_degree});
    std::vector<double> sizes(show::usual_sizes.begin(), show::usual_sizes.end());
    if (options.explain_bytes) sizes = {*options.explain_bytes};
    overview.times = show::predict_sizes(plan.links().costs(), shared_memory_of(plan), sizes,
                                         options.tree_degree);
    overview.source = source_of(options, allocation);
    overview.settings = settings_of(given);
    overview.argv = options.command;
    overview.notes = notes_on(plan, wish);
    overview.notes.insert(overview.notes.end(), planned.notes.begin(), planned.notes.end());
    if (!options.picture.empty()) write_file(options.picture, show::format_svg(overview));
    if (options.json)
        print(show::format_json(overview));
    else if (options.explain_bytes)
        print(show::format_explanation(overview, overview.times[0]));
    else
        print(show::format_text(overview));
    return 0;
}

}  // namespace ipcrun
