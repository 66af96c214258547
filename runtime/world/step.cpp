// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/step.hpp"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/child.hpp"
#include "base/deadline.hpp"
#include "base/environment.hpp"
#include "base/fail.hpp"
#include "base/socket.hpp"
#include "base/text.hpp"
#include "runtime/wire/family_protocol.hpp"
#include "runtime/wire/step_protocol.hpp"

namespace ipcrun {

namespace {

constexpr double join_timeout_default = 120;
// For ipcrun to begin, on a file system that may be slow.
constexpr Seconds start_time_max{60.0};

std::string variable(const char* name) {
    return environment_variable(name).value_or("");
}

// Whether to ask at all: what the variables mean is known to ipcrun --join.
bool may_have_others() {
    // A child of `parallel` is none of those that its parent is among.
    if (!variable(parent_fd_variable).empty()) return false;
    if (const auto wish = variable(bootstrap_variable); !wish.empty()) return wish != "alone";
    const auto tasks = variable("SLURM_STEP_NUM_TASKS");
    return (!tasks.empty() && tasks != "1") || !variable("PMIX_RANK").empty() ||
           !variable("PMI_RANK").empty();
}

double join_timeout() {
    const auto text = variable(join_timeout_variable);
    if (text.empty()) return join_timeout_default;
    const auto seconds = parse_number<double>(text);
    if (!seconds || *seconds <= 0 || *seconds > join_timeout_max)
        fail(ErrorCode::config,
             "read {} '{}': it must be a number of seconds, above 0, {:g} at most",
             join_timeout_variable, text, join_timeout_max);
    return *seconds;
}

// It leaves this process at once, so that nobody who waits for children meets it.
void start_joining(const std::string& ipcrun, double seconds, int socket) {
    SpawnOptions options;
    options.file = ipcrun;
    options.argv = {"ipcrun", std::string(join_argument), fmt::format("{}", seconds)};
    for (char** setting = environ; *setting != nullptr; ++setting)
        options.environment.emplace_back(*setting);
    options.descriptors = {{socket, STDIN_FILENO}};
    const Child child = spawn(options);
    const bool is_gone = wait_readable(child.pidfd.get(), Deadline::after(start_time_max));
    if (!is_gone) (void)child.signal(SIGKILL);
    while (::waitpid(child.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    if (!is_gone)
        fail(ErrorCode::timeout, "join the others: {} does not run (is its file system there?)",
             ipcrun);
}

// The variables of a place, for this process and whatever it starts.
void take_settings(const Seated& seated) {
    for (const std::string& setting : seated.settings) {
        const std::size_t sign = setting.find('=');
        check_syscall(
            ::setenv(setting.substr(0, sign).c_str(), setting.substr(sign + 1).c_str(), 1),
            "set the variables of this rank");
    }
}

RankEnvironment sit_down(const Seated& seated, std::vector<UniqueFd> fds) {
    if (fds.size() != 1)
        fail(ErrorCode::protocol, "join the others: the agent's answer makes no sense");
    take_settings(seated);
    const std::string number = std::to_string(fds.front().get());
    check_syscall(::setenv(control_fd_variable, number.c_str(), 1),
                  "set the variables of this rank");
    auto own = RankEnvironment::read();
    if (!own) fail(ErrorCode::protocol, "join the others: the agent's answer names no rank");
    (void)fds.front().release();  // it is named by the environment from here on
    return *own;
}

}  // namespace

std::optional<RankEnvironment> join_step(const FindIpcrun& find_ipcrun, Seconds spare) {
    if (!may_have_others()) return std::nullopt;
    const double seconds = join_timeout();
    const Seconds patience = Seconds(seconds) + spare;
    auto [ours, theirs] = create_socket_pair(SocketKind::packet);
    start_joining(find_ipcrun(), seconds, theirs.get());
    theirs.reset();
    if (!wait_readable(ours.get(), Deadline::after(patience)))
        fail(ErrorCode::timeout,
             "join the others: ipcrun {} has not answered within {:g} s (is it stopped?)",
             join_argument, patience.count());
    Packet packet;
    if (receive_packet(ours.get(), packet) != PacketResult::received)
        fail(ErrorCode::peer_lost,
             "join the others: ipcrun {}, or the agent of this host, has ended without an answer",
             join_argument);
    const StepAnswer answer = decode_step_answer(packet.bytes);
    if (const auto* refused = std::get_if<NotSeated>(&answer))
        throw Error(refused->code, fmt::format("join the others: {}", refused->reason));
    if (std::holds_alternative<Alone>(answer)) return std::nullopt;
    return sit_down(std::get<Seated>(answer), std::move(packet.fds));
}

void leave_step(int control_fd) noexcept {
    constexpr Seconds patience{1.0};
    if (::shutdown(control_fd, SHUT_WR) != 0) return;  // the agent has ended
    try {
        const Deadline deadline = Deadline::after(patience);
        Packet unread;
        while (wait_readable(control_fd, deadline) &&
               receive_packet(control_fd, unread) == PacketResult::received) {
        }
    } catch (const std::exception&) {
        // It is a courtesy to whoever clears up: this process ends all the same.
    }
}

}  // namespace ipcrun
