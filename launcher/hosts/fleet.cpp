// SPDX-License-Identifier: Apache-2.0
#include "launcher/hosts/fleet.hpp"

#include <filesystem>
#include <utility>

#include "base/fail.hpp"
#include "launcher/hosts/branches.hpp"
#include "launcher/slurm/slurm_agents.hpp"

namespace ipcrun {

namespace {

// Other hosts are taken to have it where this one has.
std::string own_path() {
    std::error_code error;
    const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error)
        fail(ErrorCode::system, "find the path of this ipcrun for other hosts: {} (--agent-path)",
             error.message());
    return path;
}

}  // namespace

Fleet::Start start_of(const Options& options, const std::string& slurm_job) {
    return {.ssh_arguments = split_arguments(options.ssh_arguments),
            .agent_path = options.agent_path,
            .fan_out = options.ssh_fan_out,
            .slurm_job = slurm_job};
}

Fleet::Fleet(EventLoop& loop, const std::vector<NamedHost>& hosts, std::optional<Own> own,
             const Start& start, const Prepare& prepare, Callbacks callbacks)
    : callbacks_(std::move(callbacks)),
      readies_(hosts.size()),
      is_ready_(hosts.size()),
      is_lost_(hosts.size()),
      awaited_(static_cast<int>(hosts.size())),
      own_host_(own ? own->host : -1) {
    if (own)
        own_ = std::make_unique<HostAgent>(
            loop, std::move(own->agent), prepare,
            HostAgent::Callbacks{
                .message = [this](const ToLauncher& message) { receive(own_host_, message); },
                .lost = [this](const std::string& why) { lose(own_host_, why); }});
    Adopt adopt{.ssh_arguments = start.ssh_arguments,
                .prepare = prepare,
                .start_seconds = start.seconds_max,
                .fan_out = start.fan_out};
    adopt.prepare.is_remote = true;
    for (int host = 0; host < size(); ++host) {
        if (is_own(host)) continue;
        const NamedHost& named = hosts[static_cast<std::size_t>(host)];
        const std::string& path = named.agent_path.empty() ? start.agent_path : named.agent_path;
        adopt.hosts.push_back({host, named.name, path.empty() ? own_path() : path});
    }
    if (adopt.hosts.empty()) return;
    OtherHosts::Callbacks of_others{
        .message = [this](int host, const ToLauncher& message) { receive(host, message); },
        .lost = [this](int host, const std::string& why) { lose(host, why); }};
    if (start.slurm_job.empty())
        others_ = std::make_unique<Branches>(loop, adopt, std::move(of_others));
    else
        others_ = std::make_unique<SlurmAgents>(loop, start.slurm_job, adopt, std::move(of_others));
}

void Fleet::receive(int host, const ToLauncher& message) {
    const auto index = static_cast<std::size_t>(host);
    const auto* ready = std::get_if<Ready>(&message);
    if (ready == nullptr) return callbacks_.message(host, message);
    if (is_ready_[index]) return;  // of no use, and no harm
    is_ready_[index] = true;
    readies_[index] = *ready;
    if (--awaited_ == 0) callbacks_.ready();
}

std::string Fleet::name(int host) const {
    return is_own(host) ? own_->name() : others_->name(host);
}

void Fleet::send(int host, const ToAgent& message) {
    if (is_own(host)) return own_->send(message);
    others_->send(host, message);
}

void Fleet::send_to_all(const ToAgent& message) {
    for (int host = 0; host < size(); ++host) send(host, message);
}

void Fleet::flush() {
    if (own_) (void)own_->flush();
    if (others_) others_->flush();
}

void Fleet::expect_end(int host) {
    if (is_own(host)) return own_->expect_end();
    others_->expect_end(host);
}

void Fleet::kill(int host) {
    if (is_own(host)) return own_->kill();
    others_->kill(host);
}

void Fleet::lose(int host, const std::string& why) {
    is_lost_[static_cast<std::size_t>(host)] = true;
    callbacks_.lost(host, why);
}

void Fleet::end(Deadline deadline) {
    if (own_) {
        own_->expect_end();
        own_->close();
    }
    if (others_) others_->end(deadline);
    if (own_) own_->await_end(deadline);
}

}  // namespace ipcrun
