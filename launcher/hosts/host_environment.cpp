// SPDX-License-Identifier: Apache-2.0
#include "launcher/hosts/host_environment.hpp"

#include <algorithm>
#include <unordered_set>

#include "base/fail.hpp"

namespace ipcrun {

namespace {

constexpr std::string_view directory_variable = "PWD";

constexpr std::string_view variables_of_a_host[] = {
    // Who somebody is there, and where that account lives.
    "HOME", "USER", "LOGNAME", "USERNAME", "SHELL", "MAIL",
    // What the host is called, and where it has room.
    "HOSTNAME", "HOST", "HOSTTYPE", "MACHTYPE", "OSTYPE", "TMPDIR", "TMP", "TEMP",
    // The login, its terminal, and sockets and files of agents that serve it.
    "SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY", "SSH_AUTH_SOCK", "SSH_AGENT_PID", "SSH_ASKPASS",
    "GPG_AGENT_INFO", "GPG_TTY", "KRB5CCNAME", "XDG_RUNTIME_DIR", "XDG_SESSION_ID",
    "XDG_SESSION_TYPE", "XDG_SESSION_CLASS", "XDG_SEAT", "XDG_VTNR", "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "WINDOWID", "TMUX", "TMUX_PANE", "STY",
    // Services, and descriptors that processes inherit.
    "INVOCATION_ID", "JOURNAL_STREAM", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_FDNAMES",
    "LISTEN_PID", "SYSTEMD_EXEC_PID",
    // The shell's own.
    "OLDPWD", "SHLVL", "_",
    // Files of ours, which may lie elsewhere there.
    "IPCRUN_LUA", "IPCRUN_AGENT"};

std::string_view name_of_variable(std::string_view setting) {
    return setting.substr(0, setting.find('='));
}

}  // namespace

std::vector<std::string> own_variables(const std::vector<std::string>& kept) {
    std::vector<std::string> names;
    for (const std::string_view name : variables_of_a_host)
        if (std::find(kept.begin(), kept.end(), name) == kept.end()) names.emplace_back(name);
    return names;
}

std::vector<std::string> forwarded(std::vector<std::string> environment,
                                   const std::vector<std::string>& names) {
    const std::unordered_set<std::string_view> of_host(names.begin(), names.end());
    std::erase_if(environment, [&](const std::string& setting) {
        return of_host.contains(name_of_variable(setting));
    });
    return environment;
}

std::vector<std::string> environment_on_host(const std::vector<std::string>& forwarded,
                                             const std::vector<std::string>& own,
                                             const std::vector<std::string>& names,
                                             std::string_view directory) {
    const std::unordered_set<std::string_view> of_host(names.begin(), names.end());
    std::unordered_set<std::string_view> seen;
    std::vector<std::string> environment;
    if (!directory.empty()) {
        seen.insert(directory_variable);
        environment.push_back(fmt::format("{}={}", directory_variable, directory));
    }
    const auto add = [&](const std::string& setting, bool is_of_host) {
        const std::string_view name = name_of_variable(setting);
        // Of two settings of a name programs may read either: the first is what getenv(3) finds.
        if (of_host.contains(name) == is_of_host && seen.insert(name).second)
            environment.push_back(setting);
    };
    for (const std::string& setting : forwarded) add(setting, false);
    for (const std::string& setting : own) add(setting, true);
    return environment;
}

}  // namespace ipcrun
