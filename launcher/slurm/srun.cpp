// SPDX-License-Identifier: Apache-2.0
#include "launcher/slurm/srun.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "base/fail.hpp"
#include "launcher/hosts/host_environment.hpp"
#include "launcher/hosts/slurm_hosts.hpp"
#include "launcher/program.hpp"

namespace ipcrun {

namespace {

// Which cluster, and which job: the rest of what it needs srun asks slurmctld for.
constexpr std::string_view kept_variables[] = {
    "SLURM_CLUSTERS", "SLURM_CLUSTER_NAME", "SLURM_CONF",           "SLURM_CONF_SERVER",
    "SLURM_JOBID",    "SLURM_JOB_ID",       "SLURM_WORKING_CLUSTER"};

bool is_option_of_srun(std::string_view setting) {
    const std::string_view name = setting.substr(0, setting.find('='));
    if (!name.starts_with("SLURM_") && !name.starts_with("SRUN_")) return false;
    return std::find(std::begin(kept_variables), std::end(kept_variables), name) ==
           std::end(kept_variables);
}

std::string find_srun() {
    try {
        return find_executable("srun");
    } catch (const Error& error) {
        fail(ErrorCode::usage,
             "start the agents on the nodes of the Slurm job: {}; name the hosts by --hosts to "
             "reach them by ssh",
             error.what());
    }
}

struct Pipe {
    UniqueFd to_read, to_write;
};

Pipe make_pipe() {
    int ends[2];
    check_syscall(::pipe2(ends, O_CLOEXEC), "make a pipe for srun");
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace

std::string describe_slurm_hosts(const std::string& job, const std::vector<NamedHost>& hosts) {
    std::vector<std::string> names;
    for (const NamedHost& host : hosts) names.push_back(host.name);
    return fmt::format("{} host{} of Slurm job {}, {}, on which srun starts the agents",
                       hosts.size(), hosts.size() == 1 ? "" : "s", job, format_slurm_hosts(names));
}

std::vector<std::string> srun_argv(const SrunCall& call) {
    const std::size_t count = call.nodes.size();
    return {"srun", fmt::format("--jobid={}", call.job), "--job-name=ipcrun",
            fmt::format("--nodes={}", count), fmt::format("--ntasks={}", count),
            "--ntasks-per-node=1", fmt::format("--nodelist={}", format_slurm_hosts(call.nodes)),
            // All of the job that a node has, whatever other steps have of it: ranks are placed
            // by us.
            "--overlap", "--whole", "--mem=0", "--cpu-bind=none", "--mpi=none",
            // Others end in good order when one of them ends.
            "--kill-on-bad-exit=0", "--wait=0", "--export=ALL", call.agent_path, "--slurm-agent"};
}

std::vector<std::string> srun_environment(std::vector<std::string> environment) {
    std::erase_if(environment, is_option_of_srun);
    return environment;
}

const std::vector<std::string>& variables_of_task() {
    static const std::vector<std::string> names = {"SLURM_CPU_BIND",
                                                   "SLURM_CPU_BIND_LIST",
                                                   "SLURM_CPU_BIND_TYPE",
                                                   "SLURM_CPU_BIND_VERBOSE",
                                                   "SLURM_GTIDS",
                                                   "SLURM_LAUNCH_NODE_IPADDR",
                                                   "SLURM_LOCALID",
                                                   "SLURM_PROCID",
                                                   "SLURM_SRUN_COMM_HOST",
                                                   "SLURM_SRUN_COMM_PORT",
                                                   "SLURM_STEPID",
                                                   "SLURM_STEP_ID",
                                                   "SLURM_STEP_LAUNCHER_PORT",
                                                   "SLURM_STEP_NODELIST",
                                                   "SLURM_STEP_NUM_NODES",
                                                   "SLURM_STEP_NUM_TASKS",
                                                   "SLURM_STEP_TASKS_PER_NODE",
                                                   "SLURM_TASK_PID"};
    return names;
}

const std::vector<std::string>& variables_of_node() {
    static const std::vector<std::string> names = {
        "CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES",
        "SLURMD_NODENAME",      "SLURM_CPUS_ON_NODE", "SLURM_GPUS_ON_NODE",  "SLURM_JOB_GPUS",
        "SLURM_NODEID",         "SLURM_STEP_GPUS",    "SLURM_TOPOLOGY_ADDR", "ZE_AFFINITY_MASK"};
    return names;
}

Surroundings without_own_node(Surroundings surroundings) {
    std::vector<std::string>& names = surroundings.host_variables;
    for (const auto* more : {&variables_of_task(), &variables_of_node()})
        names.insert(names.end(), more->begin(), more->end());
    surroundings.environment = forwarded(std::move(surroundings.environment), names);
    return surroundings;
}

Srun start_srun(const SrunCall& call, const std::vector<std::string>& environment,
                const std::string& input) {
    SpawnOptions srun;
    srun.file = find_srun();
    srun.argv = srun_argv(call);
    srun.environment = srun_environment(environment);
    Pipe to_agents = make_pipe();
    Pipe from_agents = make_pipe();
    // It fits into the pipe as a whole.
    check(static_cast<std::size_t>(check_syscall(
              ::write(to_agents.to_write.get(), input.data(), input.size()), "write to srun")) ==
              input.size(),
          "what agents are told is too long for a pipe");
    srun.descriptors = {{to_agents.to_read.get(), STDIN_FILENO},
                        {from_agents.to_write.get(), STDOUT_FILENO},
                        {from_agents.to_write.get(), STDERR_FILENO}};
    srun.open_files = call.open_files;
    srun.own_session = true;
    srun.death_signal = SIGKILL;  // its step ends with it
    return {spawn(srun), std::move(from_agents.to_read)};
}

}  // namespace ipcrun
