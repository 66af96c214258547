// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Which hosts a job gets.

#include <string>
#include <string_view>
#include <vector>

#include "launcher/hosts/host_list.hpp"
#include "launcher/options.hpp"

namespace ipcrun {

/// Hosts for all commands: a list, or "@FILE". An empty one is none.
constexpr std::string_view hosts_variable = "IPCRUN_HOSTS";

struct Allocation {
    std::vector<NamedHost> hosts = {};
    std::string slurm_job = {};  ///< whose nodes they are; empty: they are named
};

/// Those of --hosts or --hostfile, else of IPCRUN_HOSTS, else the nodes of the Slurm job that we
/// are in, without those of --exclude; empty where there are none: the job is this host's. With
/// --topology or --measure-links, whose machines are others, variables are not looked at. Throws
/// Error{usage} for what makes no sense, and where options contradict each other.
Allocation find_hosts(const Options& options, const std::vector<std::string>& environment);

/// The index of this host among them; -1: it is not there. Throws Error{usage} when two names are
/// of this host. May ask name servers, for two seconds. See is_this_host().
int find_own_host(const std::vector<NamedHost>& hosts);

}  // namespace ipcrun
