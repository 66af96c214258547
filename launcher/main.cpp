// SPDX-License-Identifier: Apache-2.0
// ipcrun: parse, start the agent, plan, run, and tell people what went wrong.
#include "base/fail.hpp"
#include "launcher/agent.hpp"
#include "launcher/dry_run.hpp"
#include "launcher/inputs.hpp"
#include "launcher/link_costs.hpp"
#include "launcher/options.hpp"
#include "launcher/program.hpp"
#include "launcher/signals.hpp"
#include "launcher/supervisor.hpp"
#include "launcher/surroundings.hpp"
#include "launcher/sweep.hpp"

namespace {

using namespace ipcrun;

constexpr int usage_status = 2;
constexpr int failure_status = 1;

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
    tidy_descriptors();
    if (!options.directory.empty()) enter_directory(options.directory);
    const Inputs inputs = read_inputs(options);
    if (options.dry_run) return show_plan(options, inputs, read_surroundings());
    const Order order =
        options.measure_links
            ? order_of_measurement(options, read_surroundings())
            : Order{options, inputs, find_program(options.command), read_surroundings()};
    prepare_signals();
    std::vector<pid_t> own_children = current_children();
    become_subreaper();
    LocalAgent agent = start_local_agent(needs_devices(order.options));
    return Supervisor(order, std::move(agent), std::move(own_children)).run();
}

}  // namespace

int main(int argc, char** argv) {
    try {
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
