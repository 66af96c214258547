// SPDX-License-Identifier: Apache-2.0
#include "launcher/link_costs.hpp"

#include "base/fail.hpp"
#include "launcher/environment.hpp"
#include "topology/discover/discover.hpp"
#include "topology/link/measurement.hpp"

namespace ipcrun {

namespace {

// Of what a quick look shows, too: a machine has one number, whether or not its devices, and what
// firmware tells of its memory, have been read.
std::uint64_t number_of(topology::Machine machine) {
    machine.bridges.clear();
    machine.gpus.clear();
    machine.nics.clear();
    machine.gpu_links.clear();
    machine.numa_latencies.clear();
    for (topology::NumaNode& node : machine.numa_nodes) node.gbytes_per_s = 0;
    machine.model.clear();
    machine.cpu_quota = 0;
    return topology::hash_of(machine);
}

std::optional<std::string> path_of(std::uint64_t machine,
                                   const std::vector<std::string>& environment) {
    return topology::measured_path(machine, find_variable(environment, "XDG_CACHE_HOME"),
                                   find_variable(environment, "HOME"));
}

}  // namespace

std::optional<topology::MeasuredCosts> find_measured(const topology::Machine& machine,
                                                     const std::vector<std::string>& environment) {
    const std::uint64_t number = number_of(machine);
    const auto path = path_of(number, environment);
    return path ? topology::read_measured(*path, number) : std::nullopt;
}

Order order_of_measurement(const Options& options, const Surroundings& surroundings) {
    const topology::Machine machine = topology::discover();
    const std::uint64_t number = number_of(machine);
    const auto path = path_of(number, surroundings.environment);
    if (!path)
        fail(ErrorCode::config,
             "option --measure-links: no place to keep the result (set HOME or XDG_CACHE_HOME)");
    // Rather now than when all has been measured.
    topology::check_writable(*path);
    const topology::Measurement measurement = topology::pairs_to_measure(machine);
    Order order{.options = options, .surroundings = surroundings};
    order.options.ranks = static_cast<int>(measurement.core_of_rank.size());
    order.options.mapping = {};
    order.options.links.clear();
    order.inputs.rankfile = topology::rankfile_of(measurement, machine);
    order.program.file = find_link_measurer();
    order.program.argv = {"ipcrun-measure-links", *path, fmt::format("{:016x}", number)};
    for (const topology::PairToMeasure& pair : measurement.pairs)
        order.program.argv.push_back(topology::format_pair(pair));
    return order;
}

}  // namespace ipcrun
