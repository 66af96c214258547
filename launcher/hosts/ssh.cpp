// SPDX-License-Identifier: Apache-2.0
#include "launcher/hosts/ssh.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cmath>
#include <utility>

#include "base/fail.hpp"
#include "base/socket.hpp"
#include "base/text.hpp"
#include "launcher/program.hpp"

namespace ipcrun {

namespace {

constexpr int alive_interval_seconds =
    5;  // of ssh itself: that it ends, too, when its host is lost
constexpr int alive_count = 3;

// As one word for sh, csh and fish alike: in single quotes, but for what one of them takes for
// something else there. None of them has a way to write a line break that the others know.
std::string quote(std::string_view path) {
    std::string quoted = "'";
    for (const char character : path) {
        const auto byte = static_cast<unsigned char>(character);
        if (byte < 0x20 || byte == 0x7f)
            fail(ErrorCode::usage,
                 "the path of ipcrun on another host, '{}': it has a line break or another control "
                 "character, which no shell there would take (--agent-path)",
                 excerpt(path));
        if (character == '\'' || character == '\\' || character == '!')
            quoted += fmt::format("'\\{}'", character);
        else
            quoted += character;
    }
    return quoted + "'";
}

std::vector<std::string> own_environment() {
    std::vector<std::string> environment;
    for (char** setting = environ; *setting != nullptr; ++setting)
        environment.emplace_back(*setting);
    return environment;
}

std::string find_ssh(const std::string& host, const SshOptions& options) {
    try {
        return find_executable(options.other_argv.empty() ? options.program
                                                          : options.other_argv.front());
    } catch (const Error& error) {
        fail(ErrorCode::usage, "start the agent on host {}: {}; other hosts are reached by {}",
             host, error.what(), options.other_argv.empty() ? "ssh" : "it");
    }
}

}  // namespace

std::string agent_command(std::string_view agent_path) {
    return fmt::format("exec {} --agent", quote(agent_path));
}

std::vector<std::string> split_arguments(std::string_view text, std::string_view origin) {
    constexpr std::string_view escaped_in_quotes = "\"\\$`";
    std::vector<std::string> words;
    bool in_word = false;
    char quote = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char character = text[i];
        const bool is_blank = character == ' ' || character == '\t' || character == '\n';
        if (quote == 0 && is_blank) {
            in_word = false;
            continue;
        }
        if (!in_word) words.emplace_back();
        in_word = true;
        if (character == quote) {
            quote = 0;
        } else if (quote == 0 && (character == '\'' || character == '"')) {
            quote = character;
        } else if (character == '\\' && quote != '\'' && i + 1 < text.size() &&
                   (quote == 0 || escaped_in_quotes.find(text[i + 1]) != text.npos)) {
            words.back() += text[++i];
        } else {
            words.back() += character;
        }
    }
    if (quote != 0)
        fail(ErrorCode::usage, "{}: a quote ({}) does not end: {}", origin, quote, text);
    return words;
}

std::vector<std::string> ssh_argv(const std::string& host, const SshOptions& options) {
    if (!options.other_argv.empty()) return options.other_argv;
    if (host.empty() || host.starts_with('-'))
        fail(ErrorCode::usage, "host '{}': ssh would not take it for a host", host);
    std::vector<std::string> argv = {options.program};
    argv.insert(argv.end(), options.arguments.begin(), options.arguments.end());
    argv.emplace_back("-T");
    // Of two settings of one kind ssh takes the first.
    const std::string settings[] = {
        "BatchMode=yes",
        "ForwardX11=no",
        "ForwardAgent=no",
        "ClearAllForwardings=yes",  // those of its configuration can be had once, not on each host
        "PermitLocalCommand=no",
        "ControlMaster=no",  // one that stays would be swept with the job
        fmt::format("ConnectTimeout={:.0f}", std::ceil(options.connect_seconds)),
        fmt::format("ServerAliveInterval={}", alive_interval_seconds),
        fmt::format("ServerAliveCountMax={}", alive_count)};
    for (const std::string& setting : settings) {
        argv.emplace_back("-o");
        argv.push_back(setting);
    }
    argv.push_back(host);
    argv.push_back(agent_command(options.agent_path));
    return argv;
}

RemoteAgent start_remote_agent(const std::string& host, const SshOptions& options) {
    SpawnOptions ssh;
    ssh.file = find_ssh(host, options);
    ssh.argv = ssh_argv(host, options);
    ssh.environment = own_environment();
    auto [ours, theirs] = create_socket_pair(SocketKind::stream);
    int ends[2];
    check_syscall(::pipe2(ends, O_CLOEXEC), "make a pipe for what ssh says");
    UniqueFd errors(ends[0]);
    const UniqueFd said(ends[1]);
    ssh.descriptors = {
        {theirs.get(), STDIN_FILENO}, {theirs.get(), STDOUT_FILENO}, {said.get(), STDERR_FILENO}};
    ssh.own_session = true;
    ssh.death_signal = SIGKILL;  // the kernel closes its connection, which the agent notices
    return {spawn(ssh), std::move(ours), std::move(errors)};
}

}  // namespace ipcrun
