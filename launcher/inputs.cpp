// SPDX-License-Identifier: Apache-2.0
#include "launcher/inputs.hpp"

#include <unistd.h>

#include <algorithm>

#include "base/fail.hpp"
#include "launcher/environment.hpp"
#include "launcher/link_costs.hpp"
#include "launcher/switches.hpp"
#include "launcher/text_file.hpp"
#include "topology/discover/discover.hpp"
#include "topology/discover/live_devices.hpp"
#include "topology/discover/source.hpp"
#include "topology/visible_gpus.hpp"

namespace ipcrun {

namespace {

std::vector<int> cpus_of(const topology::Machine& machine) {
    std::vector<int> cpus;
    for (const topology::Core& core : machine.cores)
        cpus.insert(cpus.end(), core.cpus.begin(), core.cpus.end());
    std::sort(cpus.begin(), cpus.end());
    return cpus;
}

}  // namespace

topology::Machine show_gpus(topology::Machine machine,
                            const std::vector<std::string>& environment) {
    constexpr topology::GpuVendor vendors[] = {
        topology::GpuVendor::nvidia, topology::GpuVendor::amd, topology::GpuVendor::intel};
    for (const topology::GpuVendor vendor : vendors)
        if (const auto list = find_variable(environment, visibility_variable(vendor)))
            machine = topology::visible(std::move(machine), vendor, *list);
    return machine;
}

Inputs read_inputs(const Options& options) {
    Inputs inputs;
    if (!options.rankfile.empty())
        inputs.rankfile = topology::parse_rankfile(
            read_text_file("option --rankfile", options.rankfile), options.rankfile);
    if (!options.links.empty()) inputs.links_text = read_text_file("option --links", options.links);
    if (!options.machines.empty()) inputs.described = topology::read_cluster(options.machines);
    return inputs;
}

topology::Cluster cluster_to_plan_for(const Inputs& inputs,
                                      const std::vector<std::string>& environment) {
    if (inputs.described) return *inputs.described;
    return topology::cluster_of(show_gpus(topology::discover(true), environment));
}

bool needs_devices(const Options& options) {
    if (!options.machines.empty()) return false;
    // What drivers make, for which a look costs less than a look at all of PCI.
    constexpr const char* signs[] = {"/dev/nvidiactl", "/dev/kfd", "/dev/dri/renderD128"};
    return options.mapping.map_by.object == topology::Object::gpu ||
           std::any_of(std::begin(signs), std::end(signs),
                       [](const char* path) { return ::access(path, F_OK) == 0; });
}

topology::Cluster cluster_to_run_on(const Inputs& inputs, const topology::Machine& here,
                                    const std::vector<std::string>& environment) {
    if (!inputs.described) return topology::cluster_of(show_gpus(here, environment));
    topology::Cluster cluster = *inputs.described;
    if (cluster.hosts.size() > 1)
        fail(ErrorCode::usage,
             "option --topology describes {} hosts, and ranks can be started on this one only (add "
             "--dry-run to see the plan)",
             cluster.hosts.size());
    const std::vector<int> allowed = cpus_of(here);
    for (const int cpu : cpus_of(cluster.machine_of(0)))
        if (!std::binary_search(allowed.begin(), allowed.end(), cpu))
            fail(ErrorCode::usage,
                 "option --topology describes a machine with CPU {}, which this one has not, or "
                 "does not allow us (add --dry-run to see the plan)",
                 cpu);
    cluster.machines[0] = show_gpus(std::move(cluster.machines[0]), environment);
    cluster.hosts[0].name = cluster.machines[0].host = here.host;
    cluster.machines[0].cpu_quota = here.cpu_quota;
    cluster.machines[0].memory_bytes = here.memory_bytes;
    return cluster;
}

topology::Cluster cluster_of_hosts(const std::vector<NamedHost>& hosts,
                                   const std::vector<Ready>& readies,
                                   const std::vector<std::string>& environment) {
    std::vector<topology::Machine> shown;
    std::vector<std::string> switches;
    for (const Ready& ready : readies) {
        shown.push_back(show_gpus(ready.machine, environment));
        switches.push_back(ready.switches);
    }
    topology::Cluster cluster = topology::cluster_of(std::move(shown));
    hang_on_switches(cluster, switches);
    for (std::size_t host = 0; host < hosts.size(); ++host) {
        cluster.hosts[host].name = hosts[host].name;
        cluster.hosts[host].slots = hosts[host].slots;
        const int most = hosts[host].ranks_max;
        if (hosts[host].slots == 0 && most > 0)
            cluster.hosts[host].slots =
                std::min(most, usable_cores(cluster.machine_of(static_cast<int>(host))));
    }
    return cluster;
}

std::string unbind_among_strangers(Options& options, const std::vector<NamedHost>& hosts,
                                   const topology::Cluster& cluster) {
    if (options.mapping.bind_to != topology::BindTo::automatic) return {};
    for (std::size_t host = 0; host < hosts.size(); ++host) {
        const auto cpus = std::ssize(cpus_of(cluster.machine_of(static_cast<int>(host))));
        if (hosts[host].cpus == 0 || cpus <= hosts[host].cpus) continue;
        options.mapping.bind_to = topology::BindTo::none;
        return fmt::format(
            "ranks are bound to no CPUs: the Slurm job has {} of the {} that it may use on host "
            "{}, and others may use them, too (--bind-to binds all the same)",
            hosts[host].cpus, cpus, hosts[host].name);
    }
    return {};
}

PlanWish make_wish(const Options& options, const Inputs& inputs, const topology::Machine& machine,
                   const std::vector<std::string>& environment) {
    PlanWish wish{.ranks = options.ranks,
                  .mapping = options.mapping,
                  .costs = topology::default_costs(),
                  .links_text = inputs.links_text,
                  .links_name = options.links,
                  .tree_degree = options.tree_degree};
    wish.mapping.rankfile = inputs.rankfile;
    // Hosts of a job are alike in this, as a rule: the launcher's speaks for all.
    if (!inputs.described && topology::count_adapters() == 0)
        wish.costs = topology::over_tcp(wish.costs);
    // Who measures does not ask what was measured: that file may be the damaged one.
    if (options.measure_links) return wish;
    try {
        if (const auto measured = find_measured(machine, environment)) {
            wish.costs = topology::with_measured(wish.costs, *measured);
            wish.costs_measured = measured->when;
        }
    } catch (const Error& error) {
        // It is a cache: what is wrong with it must not keep jobs from running.
        wish.warning = fmt::format("{}; costs of links are assumed", error.what());
    }
    return wish;
}

}  // namespace ipcrun
