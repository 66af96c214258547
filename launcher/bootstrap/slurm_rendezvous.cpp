// SPDX-License-Identifier: Apache-2.0
#include "launcher/bootstrap/slurm_rendezvous.hpp"

#include <unistd.h>

#include <algorithm>

#include "base/hash.hpp"
#include "launcher/bootstrap/backends.hpp"
#include "launcher/bootstrap/node_address.hpp"

namespace ipcrun {

namespace {

constexpr int port_count = 8;
// Below those that Linux gives to whoever does not care (net.ipv4.ip_local_port_range).
constexpr std::uint16_t port_min = 10'240, port_end = 32'768;

}  // namespace

Meeting plan_meeting(const SlurmStep& step, std::uint32_t user) {
    Meeting meeting;
    meeting.name = fmt::format("step {} of Slurm", step.name);
    // A job that is put back into the queue keeps its number; the first run may not have ended.
    if (step.restarts > 0) meeting.name += fmt::format(" (restart {})", step.restarts);
    meeting.rank = step.rank;
    meeting.size = step.size;
    const bool is_there = step.own_node == step.nodes.front();
    meeting.keeps_list = is_there && step.local_rank == 0;
    for (std::uint32_t i = 0; meeting.ports.size() < port_count; ++i) {
        Hash hash;
        hash.add(meeting.name);
        hash.add(user);
        hash.add(i);
        const auto port =
            static_cast<std::uint16_t>(port_min + hash.value() % (port_end - port_min));
        if (std::find(meeting.ports.begin(), meeting.ports.end(), port) == meeting.ports.end())
            meeting.ports.push_back(port);
    }
    const bool is_on_one_node = step.nodes.size() == 1;
    if (is_there && (!meeting.keeps_list || is_on_one_node)) meeting.hosts = {"127.0.0.1"};
    return meeting;
}

std::unique_ptr<Bootstrap> open_slurm_rendezvous(const Terms& terms) {
    const auto step = find_slurm_step(lookup_in_process());
    if (!step) fail(ErrorCode::config, "Slurm: this process is no task of a step");
    Meeting meeting = plan_meeting(*step, ::getuid());
    meeting.key = find_key({}, std::nullopt).key;
    if (!meeting.keeps_list && meeting.hosts.empty())
        meeting.hosts = find_node_addresses(step->nodes.front(), terms.deadline);
    return open_rendezvous(std::move(meeting), terms.deadline);
}

}  // namespace ipcrun
