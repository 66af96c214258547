// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What options name by files, read: before anything is started, so that mistakes cost nothing.

#include <optional>
#include <string>
#include <vector>

#include "launcher/agent_protocol.hpp"
#include "launcher/hosts/host_list.hpp"
#include "launcher/job_plan.hpp"
#include "launcher/options.hpp"

namespace ipcrun {

struct Inputs {
    std::vector<topology::RankLine> rankfile;
    std::string links_text;                      ///< of --links
    std::optional<topology::Cluster> described;  ///< by --topology
};

/// Reads the files of --rankfile, --links and --topology. Throws Error{usage} when they cannot be
/// read or make no sense. Forks (for --topology): call it before threads exist.
Inputs read_inputs(const Options& options);

/// Variables that hide GPUs from programs hide them from us: the machine without those. Pure.
topology::Machine show_gpus(topology::Machine machine, const std::vector<std::string>& environment);

/// What is planned for where nothing is started: what was described, or this host with its devices.
/// Call it before threads exist (see topology::discover).
topology::Cluster cluster_to_plan_for(const Inputs& inputs,
                                      const std::vector<std::string>& environment);

/// Must the agent look for GPUs and NICs? Without need it does not, for that takes its time.
bool needs_devices(const Options& options);

/// What a job on this host is planned for: `here`, or what was described in its place, with the
/// GPUs that variables of `environment` show to programs. Throws Error{usage} when ranks on what
/// was described could not be started here.
topology::Cluster cluster_to_run_on(const Inputs& inputs, const topology::Machine& here,
                                    const std::vector<std::string>& environment);

/// The same for the hosts that were named, which have said what they are.
topology::Cluster cluster_of_hosts(const std::vector<NamedHost>& hosts,
                                   const std::vector<Ready>& readies,
                                   const std::vector<std::string>& environment);

/// Where a batch system gives us a part of one of these hosts, and lets us use the rest, too, CPUs
/// are shared with whoever else is there: ranks are bound to none unless that is asked for. Returns
/// what to tell people, or nothing. Pure.
std::string unbind_among_strangers(Options& options, const std::vector<NamedHost>& hosts,
                                   const topology::Cluster& cluster);

/// The wish of these options for a job on machines like `machine`: costs of links are those that
/// were measured on its kind, if any were. `environment`: where the cache directory is looked for.
PlanWish make_wish(const Options& options, const Inputs& inputs, const topology::Machine& machine,
                   const std::vector<std::string>& environment);

}  // namespace ipcrun
