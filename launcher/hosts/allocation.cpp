// SPDX-License-Identifier: Apache-2.0
#include "launcher/hosts/allocation.hpp"

#include <utility>

#include "base/deadline.hpp"
#include "base/fail.hpp"
#include "launcher/environment.hpp"
#include "launcher/hosts/own_names.hpp"
#include "launcher/slurm/slurm_job.hpp"
#include "launcher/text_file.hpp"

namespace ipcrun {

namespace {

// For all names together: a list of a thousand must not wait a thousand times for a name server
// that is gone. Whoever is not known by then is reached by ssh, this host too.
constexpr Seconds names_patience{2.0};

void check_options(const Options& options) {
    const bool is_given = !options.hosts.empty() || !options.hostfile.empty();
    if (!options.hosts.empty() && !options.hostfile.empty())
        fail(ErrorCode::usage, "options --hosts and --hostfile name hosts both; give one of them");
    const char* option = options.hosts.empty() ? "--hostfile" : "--hosts";
    if (is_given && options.measure_links)
        fail(ErrorCode::usage,
             "option {}: --measure-links measures the host that it runs on (run it on each kind of "
             "host)",
             option);
    if (is_given && !options.machines.empty())
        fail(ErrorCode::usage,
             "option {}: --topology describes machines in place of hosts; give one of them",
             option);
}

std::vector<NamedHost> hosts_of_variable(std::string_view value) {
    const std::string what = fmt::format("variable {}", hosts_variable);
    if (!value.starts_with('@')) return parse_host_list(what, value);
    const std::string file(value.substr(1));
    if (file.empty()) fail(ErrorCode::usage, "{}: '@' is followed by the name of a file", what);
    return parse_hostfile(read_text_file(what, file), file);
}

Allocation read_hosts(const Options& options, const std::vector<std::string>& environment) {
    if (!options.hosts.empty()) return {parse_host_list("option --hosts", options.hosts)};
    if (!options.hostfile.empty())
        return {parse_hostfile(read_text_file("option --hostfile", options.hostfile),
                               options.hostfile)};
    // These are for hosts that nobody names, and variables are for all commands.
    if (options.measure_links || !options.machines.empty()) return {};
    const std::string_view value = find_variable(environment, hosts_variable).value_or("");
    if (!value.empty()) return {hosts_of_variable(value)};
    if (is_step_of_several_tasks(environment)) return {};
    if (auto job = find_slurm_job(environment)) return {std::move(job->nodes), std::move(job->id)};
    return {};
}

}  // namespace

Allocation find_hosts(const Options& options, const std::vector<std::string>& environment) {
    check_options(options);
    Allocation allocation = read_hosts(options, environment);
    if (options.excluded_hosts.empty()) return allocation;
    if (allocation.hosts.empty())
        fail(ErrorCode::usage,
             "option --exclude {}: there are no hosts to exclude from (--hosts, --hostfile, {} or "
             "a job of Slurm)",
             options.excluded_hosts, hosts_variable);
    allocation.hosts = without(std::move(allocation.hosts), options.excluded_hosts);
    return allocation;
}

int find_own_host(const std::vector<NamedHost>& hosts) {
    const Deadline deadline = Deadline::after(names_patience);
    int own = -1;
    for (int host = 0; host < static_cast<int>(hosts.size()); ++host) {
        const std::string& name = hosts[static_cast<std::size_t>(host)].name;
        if (!is_this_host(name, deadline)) continue;
        if (own >= 0)
            fail(ErrorCode::usage,
                 "'{}' and '{}' are both this host; name it once, with slots: {}:2",
                 hosts[static_cast<std::size_t>(own)].name, name,
                 hosts[static_cast<std::size_t>(own)].name);
        own = host;
    }
    return own;
}

}  // namespace ipcrun
