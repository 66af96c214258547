// SPDX-License-Identifier: Apache-2.0
#include "launcher/slurm/slurm_agent.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

#include "base/deadline.hpp"
#include "base/environment.hpp"
#include "base/fail.hpp"
#include "base/stream_socket.hpp"
#include "launcher/agent_process.hpp"
#include "launcher/hosts/guard.hpp"
#include "launcher/hosts/own_names.hpp"
#include "launcher/signals.hpp"
#include "launcher/slurm/call.hpp"
#include "launcher/slurm/newcomer.hpp"
#include "launcher/slurm/srun.hpp"
#include "launcher/step_signals.hpp"
#include "launcher/surroundings.hpp"
#include "launcher/sweep.hpp"
#include "runtime/stream/dial.hpp"

namespace ipcrun {

namespace {

constexpr int usage_status = 2;
constexpr int failure_status = 1;
// An address of a network that is not ours may never answer.
constexpr Seconds address_time_max{2.0};
constexpr Seconds speech_time_max{10.0};

// All of it: srun takes a task that leaves some unread for one that has failed.
Call read_call() {
    std::string text;
    char bytes[4096];
    for (;;) {
        const ssize_t count = ::read(STDIN_FILENO, bytes, sizeof bytes);
        if (count < 0 && errno == EINTR) continue;
        if (check_syscall(count, "read from srun") == 0) return parse_call(text);
        text.append(bytes, static_cast<std::size_t>(count));
        if (text.size() > call_bytes_max)
            fail(ErrorCode::protocol, "srun says more than a launcher has to");
    }
}

// Where srun's messages come from goes first: hosts with several networks have one in common then,
// the same for all, at which ranks reach each other.
void prefer(std::vector<Address>& addresses, const std::string& host) {
    if (host.empty()) return;
    const Address preferred{host, addresses.front().port};
    std::erase(addresses, preferred);
    addresses.insert(addresses.begin(), preferred);
}

SecureStream call_back(Call& call) {
    prefer(call.addresses, environment_variable("SLURM_LAUNCH_NODE_IPADDR").value_or(""));
    const DialOptions options{
        .key = call.key, .encrypt = true, .purpose = call_purpose, .waits_for_listener = false};
    std::string faults;
    for (const Address& address : call.addresses) {
        try {
            return dial(address, options, Deadline::after(address_time_max));
        } catch (const Error& error) {
            faults += (faults.empty() ? "" : "; ") + std::string(error.what());
        }
    }
    fail(ErrorCode::system, "reach the launcher (is there a firewall?): {}", faults);
}

int serve(const std::string& node) {
    tidy_descriptors();
    ignore_terminal_signals();
    prepare_signals();
    hold_step_signals();
    Call call = read_call();
    SecureStream stream = call_back(call);
    introduce(stream, node, Deadline::after(speech_time_max));
    const BatchStep step{
        {.own = own_address(stream.fd()).host, .launcher = peer_address(stream.fd()).host}};
    for (const std::string& name : variables_of_task()) (void)::unsetenv(name.c_str());
    return guard_agent(std::move(stream), current_children(), step);
}

}  // namespace

int run_slurm_agent() {
    const std::string node = environment_variable("SLURMD_NODENAME").value_or("");
    if (node.empty() || ::isatty(STDIN_FILENO) == 1) {
        say_on_host("option --slurm-agent",
                    "ipcrun gives it to srun, on the nodes of a job; it is not for people");
        return usage_status;
    }
    try {
        return serve(node);
    } catch (const std::exception& error) {
        say_on_host(("the agent on host " + node + " cannot start").c_str(), error.what());
        return failure_status;
    }
}

}  // namespace ipcrun
