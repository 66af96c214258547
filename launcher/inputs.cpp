// SPDX-License-Identifier: Apache-2.0
#include "launcher/inputs.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "base/unique_fd.hpp"
#include "launcher/environment.hpp"
#include "launcher/link_costs.hpp"
#include "topology/discover/discover.hpp"
#include "topology/discover/source.hpp"
#include "topology/visible_gpus.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t file_bytes_max = 64 << 20;

// Editors of other systems begin files with it.
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

// The text of the file that `option` names.
std::string read_text(std::string_view option, const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) fail(ErrorCode::usage, "option {} {}: {}", option, path, std::strerror(errno));
    std::string text;
    char buffer[1 << 16];
    for (;;) {
        const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
        if (count == 0) return text.starts_with(byte_order_mark) ? text.substr(3) : text;
        if (count < 0 && errno == EINTR) continue;
        if (count < 0)
            fail(ErrorCode::usage, "option {} {}: {}", option, path, std::strerror(errno));
        text.append(buffer, static_cast<std::size_t>(count));
        if (text.size() > file_bytes_max)
            fail(ErrorCode::usage, "option {} {}: longer than {} MiB", option, path,
                 file_bytes_max >> 20);
    }
}

std::vector<int> cpus_of(const topology::Machine& machine) {
    std::vector<int> cpus;
    for (const topology::Core& core : machine.cores)
        cpus.insert(cpus.end(), core.cpus.begin(), core.cpus.end());
    std::sort(cpus.begin(), cpus.end());
    return cpus;
}

// Variables that hide GPUs from programs hide them from us.
topology::Machine show_gpus(topology::Machine machine,
                            const std::vector<std::string>& environment) {
    constexpr topology::GpuVendor vendors[] = {
        topology::GpuVendor::nvidia, topology::GpuVendor::amd, topology::GpuVendor::intel};
    for (const topology::GpuVendor vendor : vendors)
        if (const auto list = find_variable(environment, visibility_variable(vendor)))
            machine = topology::visible(std::move(machine), vendor, *list);
    return machine;
}

}  // namespace

Inputs read_inputs(const Options& options) {
    Inputs inputs;
    if (!options.rankfile.empty())
        inputs.rankfile =
            topology::parse_rankfile(read_text("--rankfile", options.rankfile), options.rankfile);
    if (!options.links.empty()) inputs.links_text = read_text("--links", options.links);
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

PlanWish make_wish(const Options& options, const Inputs& inputs, const topology::Machine& machine,
                   const std::vector<std::string>& environment) {
    PlanWish wish{.ranks = options.ranks,
                  .mapping = options.mapping,
                  .costs = topology::default_costs(),
                  .links_text = inputs.links_text,
                  .links_name = options.links,
                  .tree_degree = options.tree_degree};
    wish.mapping.rankfile = inputs.rankfile;
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
