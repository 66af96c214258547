// SPDX-License-Identifier: Apache-2.0
#include "launcher/hosts/branches.hpp"

#include <algorithm>
#include <utility>

#include "base/fail.hpp"

namespace ipcrun {

std::string frame_of(const Bytes& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::uint8_t> bytes_of(const std::string& frame) {
    return {reinterpret_cast<const std::uint8_t*>(frame.data()), frame.size()};
}

Branches::Branches(EventLoop& loop, const Adopt& adopt, Callbacks callbacks)
    : loop_(loop), adopt_(adopt), callbacks_(std::move(callbacks)) {
    for (const Adoption& one : adopt.hosts) {
        const auto index = static_cast<std::size_t>(one.host);
        if (states_.size() <= index) states_.resize(index + 1);
        states_[index].adoption = one;
    }
    // Parts of equal size, so that all are there at the same time.
    const std::size_t count = adopt.hosts.size();
    const std::size_t parts = std::min<std::size_t>(count, static_cast<std::size_t>(adopt.fan_out));
    for (std::size_t part = 0; part < parts; ++part) {
        const auto at = [&](std::size_t i) {
            return adopt.hosts.begin() + static_cast<std::ptrdiff_t>(count * i / parts);
        };
        start({at(part), at(part + 1)});
    }
}

Branches::~Branches() = default;

void Branches::start(std::vector<Adoption> hosts) {
    auto branch = std::make_unique<Branch>();
    Branch& own = *branch;
    own.hosts = std::move(hosts);
    const Adoption& first = own.hosts.front();
    own.agent = std::make_unique<HostAgent>(
        loop_, first.name,
        SshOptions{.arguments = adopt_.ssh_arguments, .agent_path = first.agent_path},
        adopt_.prepare,
        HostAgent::Patience{.start = Seconds(adopt_.start_seconds),
                            .silence = Seconds(adopt_.prepare.silence_max)},
        HostAgent::Callbacks{
            .message = [this, &own](const ToLauncher& message) { receive(own, message); },
            .lost = [this, &own](const std::string& why) { lose_branch(own, why); }});
    for (const Adoption& one : own.hosts) state(one.host).branch = &own;
    branches_.push_back(std::move(branch));  // with its agent, or not at all
    if (own.hosts.size() == 1) return;
    Adopt rest = adopt_;
    rest.hosts.assign(own.hosts.begin() + 1, own.hosts.end());
    own.agent->send(rest);
}

void Branches::receive(Branch& branch, const ToLauncher& message) {
    branch.is_up = true;
    if (const auto* relayed = std::get_if<FromHost>(&message))
        return hear(relayed->host, decode_to_launcher(bytes_of(relayed->frame)));
    if (const auto* gone = std::get_if<HostLost>(&message)) return lose(gone->host, gone->why);
    hear(branch.hosts.front().host, message);
}

void Branches::hear(int host, const ToLauncher& message) {
    State& of_host = state(host);
    of_host.has_spoken = true;
    if (std::holds_alternative<Done>(message)) expect_end(host);
    callbacks_.message(host, message);
}

// Those that were started from there are lost with it; where it never came, they are ours to start.
void Branches::lose_branch(Branch& branch, const std::string& why) {
    const std::string name = branch.hosts.front().name;
    std::vector<Adoption> others(branch.hosts.begin() + 1, branch.hosts.end());
    std::erase_if(others, [&](const Adoption& one) { return state(one.host).branch != &branch; });
    lose(branch.hosts.front().host, why);
    for (const Adoption& one : others) {
        if (!branch.is_up)
            start({one});
        else
            lose(one.host,
                 fmt::format("host {} was reached by way of host {}: {}", one.name, name, why));
    }
}

// A host may know less than this one about how another is reached: keys, names.
void Branches::lose(int host, const std::string& why) {
    State& of_host = state(host);
    if (of_host.is_over) return;
    const bool was_started_elsewhere = of_host.branch->hosts.front().host != host;
    if (was_started_elsewhere && !of_host.has_spoken) return start({of_host.adoption});
    of_host.is_over = true;
    callbacks_.lost(host, why);
}

Branches::State& Branches::state(int host) {
    if (host < 0 || host >= static_cast<int>(states_.size()) ||
        states_[static_cast<std::size_t>(host)].adoption.host != host)
        fail(ErrorCode::protocol, "there is no way from here to host {}", host);
    return states_[static_cast<std::size_t>(host)];
}

void Branches::send(int host, const ToAgent& message) {
    Branch& branch = *state(host).branch;
    if (branch.hosts.front().host == host) return branch.agent->send(message);
    branch.agent->send(ForHost{host, frame_of(encode(message))});
}

void Branches::flush() {
    for (const auto& branch : branches_) (void)branch->agent->flush();
}

void Branches::expect_end(int host) {
    State& of_host = state(host);
    of_host.is_over = true;
    // A loss of who passes on for others is one as long as those are there.
    Branch& branch = *of_host.branch;
    const bool is_needed =
        std::any_of(branch.hosts.begin(), branch.hosts.end(), [&](const Adoption& one) {
            return state(one.host).branch == &branch && !state(one.host).is_over;
        });
    if (!is_needed) branch.agent->expect_end();
}

void Branches::kill(int host) {
    state(host).branch->agent->kill();
}

std::string Branches::name(int host) const {
    return fmt::format("the agent on host {}",
                       states_[static_cast<std::size_t>(host)].adoption.name);
}

std::vector<pid_t> Branches::processes() const {
    std::vector<pid_t> pids;
    for (const auto& branch : branches_)
        if (branch->agent->pid() > 0) pids.push_back(branch->agent->pid());
    return pids;
}

bool Branches::reaped(pid_t pid, int status) {
    for (const auto& branch : branches_)
        if (branch->agent->pid() == pid) {
            branch->agent->reaped(status);
            return true;
        }
    return false;
}

void Branches::end(Deadline deadline) {
    for (const auto& branch : branches_) {
        branch->agent->expect_end();
        branch->agent->close();
    }
    for (const auto& branch : branches_) branch->agent->await_end(deadline);
}

}  // namespace ipcrun
