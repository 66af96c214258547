// SPDX-License-Identifier: Apache-2.0
// What the end of ssh means to people. Its messages are not translated.
#include <sys/wait.h>

#include <string_view>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "launcher/hosts/ssh.hpp"
#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t shown_bytes_max = 300;
constexpr int ssh_failed = 255;  // the status of ssh when it could not do its part
constexpr int not_found = 127;   // those of shells
constexpr int not_executable = 126;

struct Meaning {
    std::string_view said;  // in lower case
    std::string_view means;
};

// In this order: the more special first.
constexpr Meaning meanings[] = {
    {"could not resolve hostname", "its name is not known here (is it spelt right?)"},
    {"host identification has changed",
     "its key is another one than ssh knows: if that is right, run 'ssh-keygen -R {0}'"},
    {"host key verification failed",
     "ssh does not know its key: run 'ssh {0}' once by hand and look at it"},
    {"permission denied",
     "it lets nobody in without a password: 'ssh {0} true' has to work with a key"},
    {"connection refused", "nobody answers at its port: no ssh server runs there"},
    {"timed out", "it does not answer: it is down, or a firewall is between"},
    {"no route to host", "there is no way to it in the network"},
    {"network is unreachable", "there is no way to it in the network"},
    {"kex_exchange_identification",
     "its ssh server hung up (too many at once: MaxStartups; or it refuses us)"},
    {"connection closed by", "its ssh server hung up"},
    {"connection reset by", "its ssh server hung up"},
    {"bad configuration option", "ssh does not know an option (--ssh-args, or its configuration)"},
    {"unknown option", "ssh does not know an option (--ssh-args)"},
};

std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char& character : lower)
        if (character >= 'A' && character <= 'Z') character += 'a' - 'A';
    return lower;
}

bool has(std::string_view text, std::string_view part) {
    return text.find(part) != text.npos;
}

}  // namespace

std::string explain_ssh_end(const std::string& host, const SshOptions& options, int wait_status,
                            std::string_view said) {
    const std::string attempt = fmt::format("start the agent on host {}", host);
    const std::string words = last_words(said, shown_bytes_max);
    const std::string quoted = words.empty() ? "" : fmt::format(" ({})", words);
    const std::string text = lower_case(said);
    const std::string path =
        options.agent_path.empty() ? "" : fmt::format(" '{}'", options.agent_path);
    if (WIFSIGNALED(wait_status))
        return fmt::format("{}: ssh was killed by {}{}", attempt, describe_wait_status(wait_status),
                           quoted);
    const int status = WEXITSTATUS(wait_status);
    if (status == ssh_failed) {
        for (const auto& [sign, means] : meanings)
            if (has(text, sign))
                return fmt::format("{}: {}{}", attempt, fmt::format(fmt::runtime(means), host),
                                   quoted);
        return fmt::format("{}: ssh failed{}", attempt, quoted);
    }
    // The program there, if it was one of ours, knows no --agent.
    if (has(text, "unknown option '--agent'"))
        return fmt::format(
            "{}: the ipcrun{} there is of another version: install the same there, or name it by "
            "{}{}",
            attempt, path, options.place_option, quoted);
    // A C shell has no status for it.
    const bool is_absent = status == not_found || has(text, "command not found") ||
                           has(text, "no such file or directory");
    if (is_absent || status == not_executable)
        return fmt::format(
            "{}: ipcrun{} {} there: install it at the same place as here, or name it by {}{}",
            attempt, path, is_absent ? "is not" : "cannot be executed", options.place_option,
            quoted);
    return fmt::format(
        "{}: its login shell, or ipcrun there, ended with {} before the agent spoke{}", attempt,
        describe_wait_status(wait_status), quoted);
}

}  // namespace ipcrun
