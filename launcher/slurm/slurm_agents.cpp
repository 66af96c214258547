// SPDX-License-Identifier: Apache-2.0
#include "launcher/slurm/slurm_agents.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/fail.hpp"
#include "base/socket.hpp"
#include "base/stream_socket.hpp"
#include "base/text.hpp"
#include "launcher/agent_process.hpp"
#include "launcher/hosts/slurm_hosts.hpp"
#include "launcher/slurm/call.hpp"
#include "launcher/surroundings.hpp"
#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t said_bytes_max = 4096;  // of what srun says, the last of which tells why
constexpr std::size_t shown_bytes_max = 300;
constexpr int reads_max = 64;
constexpr Seconds end_patience{1.0};
// That a task has ended may be told before why it has.
constexpr std::chrono::milliseconds words_time_max{200};

}  // namespace

SlurmAgents::SlurmAgents(EventLoop& loop, const std::string& job, const Adopt& adopt,
                         Callbacks callbacks)
    : loop_(loop), callbacks_(std::move(callbacks)) {
    for (const Adoption& one : adopt.hosts)
        nodes_[one.host] = {
            one.name,
            std::make_unique<HostAgent>(
                loop_, one.name, adopt.prepare,
                HostAgent::Patience{.start = Seconds(adopt.start_seconds),
                                    .silence = Seconds(adopt.prepare.silence_max)},
                HostAgent::Callbacks{
                    .message =
                        [this, host = one.host](const ToLauncher& message) {
                            callbacks_.message(host, message);
                        },
                    .lost = [this, host = one.host](const std::string& why) { lose(host, why); }})};
    Call call{.key = Key::random(), .addresses = {}};
    UniqueFd listener = listen_at({});
    const std::uint16_t port = own_address(listener.get()).port;
    for (const std::string& address : own_addresses()) call.addresses.push_back({address, port});
    acceptor_.emplace(loop_, std::move(listener),
                      AcceptorOptions{.key = call.key, .encrypt = true, .purpose = call_purpose},
                      [this](SecureStream stream) { greet(std::move(stream)); });
    SrunCall how{.job = job, .nodes = {}, .agent_path = adopt.hosts.front().agent_path};
    for (const Adoption& one : adopt.hosts) how.nodes.push_back(one.name);
    // Two for each connection.
    how.open_files = raise_open_files();
    srun_ = start_srun(how, read_surroundings().environment, format_call(call));
    set_nonblocking(srun_.output.get());
    output_watch_ = loop_.on_readable(srun_.output.get(), [this] { hear_srun(); });
    end_watch_ = loop_.on_readable(srun_.process.pidfd.get(), [this] { srun_ended(); });
}

SlurmAgents::~SlurmAgents() = default;

void SlurmAgents::greet(SecureStream stream) {
    const std::uint64_t id = ++last_newcomer_;
    newcomers_[id] = std::make_unique<Newcomer>(loop_, std::move(stream), [this, id] { join(id); });
}

// A second one of a name, or one of a name that is not known, is of no use, and no harm.
void SlurmAgents::join(std::uint64_t id) {
    const std::unique_ptr<Newcomer> newcomer = std::move(newcomers_.extract(id).mapped());
    const auto found = std::find_if(nodes_.begin(), nodes_.end(), [&](const auto& entry) {
        return entry.second.name == newcomer->node() && !entry.second.agent->has_joined();
    });
    if (found == nodes_.end()) return;
    HostAgent& agent = *found->second.agent;
    if (!newcomer->fault().empty()) return agent.give_up(newcomer->fault());
    agent.join(newcomer->take_stream());
    const bool all_are_there = std::all_of(nodes_.begin(), nodes_.end(), [](const auto& entry) {
        return entry.second.agent->has_joined();
    });
    if (!all_are_there) return;
    acceptor_.reset();
    newcomers_.clear();
}

void SlurmAgents::hear_srun() {
    char bytes[said_bytes_max];
    const ssize_t count = ::read(srun_.output.get(), bytes, sizeof bytes);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) return output_watch_.reset();
    line_.append(bytes, static_cast<std::size_t>(count));
    for (auto end = line_.find('\n'); end != line_.npos; end = line_.find('\n')) {
        const std::string line = line_.substr(0, end);
        line_.erase(0, end + 1);
        hear_line(line);
    }
    if (line_.size() > said_bytes_max) line_.erase(0, line_.size() - said_bytes_max);
}

// No more than a pipe holds: it may be written to without end.
void SlurmAgents::hear_out_srun() {
    for (int reads = 0; reads < reads_max && output_watch_ &&
                        wait_readable(srun_.output.get(), Deadline::after(Seconds(0)));
         ++reads)
        hear_srun();
}

// "srun: error: h[3-4]: tasks 2-3: Exited with exit code 1": srun itself waits for the others.
void SlurmAgents::hear_line(std::string_view line) {
    // Where no task is bound anyhow.
    if (line == "srun: cluster configuration lacks support for cpu binding") return;
    said_.append(line).append("\n");
    if (said_.size() > said_bytes_max) said_.erase(0, said_.size() - said_bytes_max);
    constexpr std::string_view opening = "srun: error: ", tasks = ": task";
    const auto end = line.find(tasks);
    if (!line.starts_with(opening) || end == line.npos || end < opening.size()) return;
    std::vector<std::string> names;
    try {
        names = parse_slurm_hosts("srun", line.substr(opening.size(), end - opening.size()));
    } catch (const Error&) {
        return;  // about something else
    }
    for (const auto& [host, node] : nodes_)
        if (std::find(names.begin(), names.end(), node.name) != names.end()) ended_.push_back(host);
    if (ended_.empty() || words_time_) return;
    words_time_ = loop_.after(words_time_max, [this] {
        for (const int host : ended_) agent(host).give_up("it has ended before it could speak");
    });
}

void SlurmAgents::srun_ended() {
    end_watch_.reset();
    hear_out_srun();
    int status = 0;
    if (::waitpid(srun_.process.pid, &status, WNOHANG) == srun_.process.pid) srun_.process.pid = -1;
    for (const auto& [host, node] : nodes_)
        node.agent->give_up(fmt::format("srun {} {}",
                                        WIFSIGNALED(status) ? "was killed by" : "has ended with",
                                        describe_wait_status(status)));
}

void SlurmAgents::lose(int host, const std::string& why) {
    hear_out_srun();
    const std::string words = last_words(said_ + line_, shown_bytes_max);
    callbacks_.lost(host, words.empty() ? why : fmt::format("{}; srun says: {}", why, words));
}

void SlurmAgents::send(int host, const ToAgent& message) {
    agent(host).send(message);
}

void SlurmAgents::flush() {
    for (const auto& [host, node] : nodes_) (void)node.agent->flush();
}

void SlurmAgents::expect_end(int host) {
    agent(host).expect_end();
}

void SlurmAgents::kill(int host) {
    agent(host).kill();
}

std::string SlurmAgents::name(int host) const {
    return agent(host).name();
}

void SlurmAgents::hear_end_of_srun(Deadline deadline) {
    while (output_watch_ && wait_readable(srun_.output.get(), deadline)) hear_srun();
}

void SlurmAgents::end(Deadline deadline) {
    acceptor_.reset();
    newcomers_.clear();
    bool have_joined = true;
    for (const auto& [host, node] : nodes_) {
        have_joined = have_joined && node.agent->has_joined();
        node.agent->expect_end();
        node.agent->close();
    }
    if (srun_.process.pid <= 0) return;
    // Whoever has joined goes by itself, and srun with the last of them.
    if (!have_joined) (void)srun_.process.signal(SIGKILL);
    hear_end_of_srun(deadline);
    if (!wait_readable(srun_.process.pidfd.get(), Deadline::after(Seconds(0))))
        (void)srun_.process.signal(SIGKILL);
    // A process of its own cancels the step then.
    hear_end_of_srun(Deadline::after(end_patience));
    (void)wait_readable(srun_.process.pidfd.get(), Deadline::after(end_patience));
    int status = 0;
    (void)::waitpid(srun_.process.pid, &status, WNOHANG);  // else it is swept
}

}  // namespace ipcrun
