// SPDX-License-Identifier: Apache-2.0
// ipcrun: parse, start the agent, plan, run, and tell people what went wrong.
#include "base/fail.hpp"
#include "launcher/agent.hpp"
#include "launcher/dry_run.hpp"
#include "launcher/hosts/allocation.hpp"
#include "launcher/hosts/remote_agent.hpp"
#include "launcher/inputs.hpp"
#include "launcher/link_costs.hpp"
#include "launcher/options.hpp"
#include "launcher/program.hpp"
#include "launcher/signals.hpp"
#include "launcher/slurm/slurm_agent.hpp"
#include "launcher/slurm/srun.hpp"
#include "launcher/step/join.hpp"
#include "launcher/step/task.hpp"
#include "launcher/supervisor.hpp"
#include "launcher/surroundings.hpp"
#include "launcher/sweep.hpp"
#include "runtime/wire/step_protocol.hpp"

namespace {

using namespace ipcrun;

constexpr int usage_status = 2;
constexpr int failure_status = 1;

Order make_order(const Options& options, const Inputs& inputs) {
    const Surroundings surroundings = read_surroundings();
    Allocation allocation = find_hosts(options, surroundings.environment);
    if (options.measure_links) return order_of_measurement(options, surroundings);
    Order order{.options = options, .inputs = inputs, .surroundings = surroundings};
    if (!allocation.slurm_job.empty()) {
        order.slurm_job = allocation.slurm_job;
        order.surroundings = without_own_node(surroundings);
        order.own_host = -1;  // on this one, too, all is to be in a step, which has its limits
    } else if (!allocation.hosts.empty()) {
        order.own_host = find_own_host(allocation.hosts);
    }
    if (!allocation.hosts.empty()) order.hosts = std::move(allocation.hosts);
    // On other hosts, and where ranks here have a directory of their own, it is looked for there.
    if (order.own_host >= 0 &&
        order.hosts[static_cast<std::size_t>(order.own_host)].directory.empty())
        order.program = find_program(options.command);
    if (options.verbose && !order.slurm_job.empty())
        fmt::print(stderr, "ipcrun: {}\n", describe_slurm_hosts(order.slurm_job, order.hosts));
    return order;
}

int run(const std::vector<std::string>& argv) {
    const Options options = parse_options(argv);
    if (options.help) {
        fmt::print("{}", format_help());
        return 0;
    }
    if (options.version) {
        fmt::print("ipcrun {}\n", IPCRUN_VERSION);
        return 0;
    }
    if (const auto step = find_step(read_surroundings().environment);
        step.kind != BootstrapKind::alone)
        return run_as_task(options, argv.size() - 1 - options.command.size(), step);
    tidy_descriptors();
    if (!options.directory.empty()) enter_directory(options.directory);
    const Inputs inputs = read_inputs(options);
    if (options.dry_run) return show_plan(options, inputs, read_surroundings());
    const Order order = make_order(options, inputs);
    prepare_signals();
    std::vector<pid_t> own_children = current_children();
    become_subreaper();
    std::optional<Fleet::Own> own;
    if (order.own_host >= 0) own.emplace(start_local_agent(), order.own_host);
    return Supervisor(order, std::move(own), std::move(own_children)).run();
}

}  // namespace

int main(int argc, char** argv) {
    try {
        // Not for people, and so not among the options.
        if (argc == 2 && std::string_view(argv[1]) == "--agent") return run_remote_agent();
        if (argc == 2 && std::string_view(argv[1]) == "--slurm-agent") return run_slurm_agent();
        if (argc == 3 && argv[1] == join_argument) return run_join(argv[2]);
        return run({argv, argv + argc});
    } catch (const Error& error) {
        fmt::print(stderr, "ipcrun: {}\n", error.what());
        const bool is_users = error.code == ErrorCode::usage || error.code == ErrorCode::config;
        return is_users ? usage_status : failure_status;
    } catch (const std::exception& error) {
        fmt::print(stderr, "ipcrun: {}\n", error.what());
        return failure_status;
    }
}
