// SPDX-License-Identifier: Apache-2.0
#include "launcher/hosts/host_agent.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "base/fail.hpp"
#include "base/socket.hpp"
#include "base/text.hpp"
#include "launcher/hosts/pulse.hpp"
#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t shown_bytes_max = 300;
constexpr std::size_t said_bytes_max = 4096;  // of what ssh says, the last of which tells why
constexpr int errors_reads_max = 256;
// What a process that is about to end has still to say, or ssh to take from its host.
constexpr Seconds end_patience{1.0};

std::string describe_end(const std::string& agent, std::optional<int> status) {
    if (!status) return fmt::format("{} has closed its connection", agent);
    return fmt::format("{} {} {}", agent, WIFSIGNALED(*status) ? "was killed by" : "ended with",
                       describe_wait_status(*status));
}

}  // namespace

// What there is beside the frames of one that is reached over the network.
struct HostAgent::Remote {
    std::string host;
    SshOptions ssh;
    Patience patience;
    UniqueFd errors;
    FdWatch errors_watch;
    std::string said;  // by ssh, the last of it
    GreetingReader greeting;
    bool has_greeted = false;
    std::vector<ToAgent> held;  // until then: a login shell may read what comes, too
    Timer start_limit;
    std::optional<Pulse> pulse;

    std::string last_words() const { return ipcrun::last_words(said, shown_bytes_max); }

    void hear_errors() {
        char bytes[said_bytes_max];
        const ssize_t count = ::read(errors.get(), bytes, sizeof bytes);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (count <= 0) return errors_watch.reset();
        said.append(bytes, static_cast<std::size_t>(count));
        if (said.size() > said_bytes_max) said.erase(0, said.size() - said_bytes_max);
    }
    // No more than a pipe holds: it may be written to without end.
    void hear_out_errors() {
        for (int reads = 0; reads < errors_reads_max && errors_watch &&
                            wait_readable(errors.get(), Deadline::after(Seconds(0)));
             ++reads)
            hear_errors();
    }
};

HostAgent::HostAgent(EventLoop& loop, LocalAgent agent, const Prepare& prepare, Callbacks callbacks)
    : loop_(loop), callbacks_(std::move(callbacks)), process_(std::move(agent.process)) {
    frames_.emplace(loop_, both_ways(std::move(agent.socket)),
                    FrameStream::Callbacks{.frame = [this](auto frame) { receive(frame); },
                                           .closed = [this] { end_seen(); }});
    Prepare own = prepare;
    own.silence_max = 0;  // who shares a kernel is told of ends
    send(own);
}

HostAgent::HostAgent(EventLoop& loop, std::string host, Callbacks callbacks)
    : loop_(loop), callbacks_(std::move(callbacks)), remote_(std::make_unique<Remote>()) {
    remote_->host = std::move(host);
}

HostAgent::HostAgent(EventLoop& loop, std::string host, const SshOptions& ssh,
                     const Prepare& prepare, const Patience& patience, Callbacks callbacks)
    : HostAgent(loop, std::move(host), std::move(callbacks)) {
    RemoteAgent agent = start_remote_agent(remote_->host, ssh);
    process_ = std::move(agent.process);
    auto of_frames = frame_callbacks();
    of_frames.prologue = [this](auto bytes) { return hear_greeting(bytes); };
    frames_.emplace(loop_, both_ways(std::move(agent.socket)), std::move(of_frames));
    remote_->ssh = ssh;
    remote_->errors = std::move(agent.errors);
    set_nonblocking(remote_->errors.get());
    remote_->errors_watch =
        loop_.on_readable(remote_->errors.get(), [this] { remote_->hear_errors(); });
    await_ready(prepare, patience);
}

HostAgent::HostAgent(EventLoop& loop, std::string host, const Prepare& prepare,
                     const Patience& patience, Callbacks callbacks)
    : HostAgent(loop, std::move(host), std::move(callbacks)) {
    await_ready(prepare, patience);
}

FrameStream::Callbacks HostAgent::frame_callbacks() {
    return {.frame = [this](auto frame) { receive(frame); },
            .closed = [this] { end_seen(); },
            .malformed = [this](const Error& error) { lose_sense(error); }};
}

void HostAgent::await_ready(const Prepare& prepare, const Patience& patience) {
    remote_->patience = patience;
    remote_->start_limit =
        loop_.after(std::chrono::ceil<std::chrono::milliseconds>(patience.start), [this] {
            remote_->hear_out_errors();
            lose(fmt::format("start the agent on host {}: it has not answered for {:g} s{}{}",
                             remote_->host, remote_->patience.start.count(),
                             remote_->said.empty() ? "" : "; ssh says: ", remote_->last_words()));
        });
    Prepare remote = prepare;
    remote.is_remote = true;
    send(remote);
}

void HostAgent::join(SecureStream stream) {
    frames_.emplace(loop_, std::move(stream), frame_callbacks());
    greeted();
}

void HostAgent::give_up(const std::string& why) {
    if (!has_joined()) lose(fmt::format("start the agent on host {}: {}", remote_->host, why));
}

void HostAgent::greeted() {
    remote_->has_greeted = true;
    for (const ToAgent& message : std::exchange(remote_->held, {})) send(message);
}

HostAgent::~HostAgent() = default;

std::string HostAgent::name() const {
    if (remote_) return fmt::format("the agent on host {}", remote_->host);
    return fmt::format("the agent (pid {})", process_.pid);
}

void HostAgent::send(const ToAgent& message) {
    if (remote_ && !remote_->has_greeted) return remote_->held.push_back(message);
    if (frames_) frames_->send(encode(message));
}

bool HostAgent::flush() {
    return !frames_ || frames_->flush();
}

std::optional<Bytes> HostAgent::hear_greeting(std::span<const std::uint8_t> bytes) {
    try {
        auto rest = remote_->greeting.feed(bytes);
        if (!rest) return rest;
        greeted();
        return rest;
    } catch (const Error& error) {
        lose(fmt::format("start the agent on host {}: {}", remote_->host, error.what()));
        return std::nullopt;
    }
}

// Others may print there, too, or its program has gone astray: an end of that host alone.
void HostAgent::lose_sense(const Error& error) {
    lose(fmt::format("{} says what makes no sense: {}", name(), error.what()));
}

void HostAgent::receive(std::span<const std::uint8_t> frame) {
    ToLauncher message;
    try {
        message = decode_to_launcher(frame);
    } catch (const Error& error) {
        return lose_sense(error);
    }
    if (remote_ && remote_->pulse) remote_->pulse->heard();
    if (std::holds_alternative<Alive>(message)) return;
    is_done_ = is_done_ || std::holds_alternative<Done>(message);
    if (remote_ && std::holds_alternative<Ready>(message)) {
        remote_->start_limit.reset();
        const Seconds silence = remote_->patience.silence;
        if (silence > Seconds(0))
            remote_->pulse.emplace(
                loop_, silence,
                Pulse::Callbacks{
                    .beat = [this] { send(Alive{}); },
                    .silent =
                        [this, silence] {
                            lose(fmt::format(
                                "host {} has been silent for {:g} s: it has failed, or the "
                                "network to it",
                                remote_->host, silence.count()));
                        }});
    }
    callbacks_.message(message);
}

// Its process ends about now, and says how.
void HostAgent::end_seen() {
    if (process_.pidfd) (void)wait_readable(process_.pidfd.get(), Deadline::after(end_patience));
    const std::string agent = name();
    const auto status = reap();
    const std::string end = describe_end(agent, status);
    if (!remote_) return lose(end);
    remote_->hear_out_errors();
    if (!remote_->has_greeted)
        return lose(explain_ssh_end(remote_->host, remote_->ssh, status.value_or(0),
                                    remote_->greeting.before() + "\n" + remote_->said));
    lose(fmt::format("the connection with the agent on host {} has ended{}{}", remote_->host,
                     remote_->said.empty() ? "" : ": ", remote_->last_words()));
}

void HostAgent::expect_end() {
    is_expected_to_end_ = true;
    if (!remote_) return;
    remote_->pulse.reset();
    remote_->start_limit.reset();
}

void HostAgent::lose(const std::string& why) {
    const bool is_news = !is_expected_to_end_;
    expect_end();
    close();
    if (is_news) callbacks_.lost(why);
}

void HostAgent::close() {
    if (frames_) frames_->close();
}

void HostAgent::kill() {
    if (process_.pidfd)
        (void)process_.signal(SIGKILL);
    else
        close();
}

void HostAgent::await_end(Deadline deadline) {
    if (process_.pid <= 0) return;
    // An ssh that still connects does not look at its input, and nothing has begun over there.
    if (remote_ && !remote_->has_greeted) kill();
    // What a login shell has left running there may keep ssh, which is of no use any more.
    if (remote_ && is_done_) deadline = Deadline::sooner(deadline, Deadline::after(end_patience));
    if (!wait_readable(process_.pidfd.get(), deadline)) kill();
    (void)wait_readable(process_.pidfd.get(), Deadline::after(end_patience));
    (void)reap();
}

// As waitpid(2) gives it; nullopt: it has not ended.
std::optional<int> HostAgent::reap() {
    int status = 0;
    if (process_.pid > 0 && !reaped_status_ &&
        ::waitpid(process_.pid, &status, WNOHANG) == process_.pid)
        reaped_status_ = status;
    if (reaped_status_) process_.pid = -1;
    return reaped_status_;
}

}  // namespace ipcrun
