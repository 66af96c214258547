// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How ssh is called to start an agent, and what its end means to people.

#include <string>
#include <string_view>
#include <vector>

#include "base/child.hpp"
#include "base/unique_fd.hpp"

namespace ipcrun {

struct SshOptions {
    std::string program = "ssh";              ///< as it is called here
    std::vector<std::string> arguments = {};  ///< of --ssh-args
    std::string agent_path = {};              ///< of ipcrun there
    double connect_seconds = 10;
    /// For people: where to say that ipcrun is elsewhere there.
    std::string place_option = "--agent-path, or for one host by ipcrun= in the host file";
    /// Not ssh at all: this program and its arguments, which run agent_command() there; or empty.
    std::vector<std::string> other_argv = {};
};

/// Splits a text into words, as a shell would without expanding anything: blanks, quotes,
/// backslashes. Throws Error{usage} for a quote that does not end; `origin` is for its text.
std::vector<std::string> split_arguments(std::string_view text,
                                         std::string_view origin = "option --ssh-args");

/// The line that starts the agent there, for any login shell (sh, csh, fish). Throws Error{usage}
/// for a path that none would take.
std::string agent_command(std::string_view agent_path);

/// argv of ssh: no terminal, no forwarding, no questions, a bounded time to connect; then the
/// user's arguments, which go before ours where both say something; and agent_command(). Pure.
std::vector<std::string> ssh_argv(const std::string& host, const SshOptions& options);

struct RemoteAgent {
    Child process;    ///< ssh, in a session of its own: no terminal asks, or signals it
    UniqueFd socket;  ///< its standard input and output
    UniqueFd errors;  ///< its standard error
};
/// Starts ssh. Throws Error{system} or {usage} (there is no ssh). Never blocks for the other host.
RemoteAgent start_remote_agent(const std::string& host, const SshOptions& options);

/// One line for people: why ssh, or what it was to start, ended before the agent spoke: refused,
/// unknown host key, name that does not resolve, no permission, ipcrun is not there (status 127),
/// something else, with what it `said` last. Pure.
std::string explain_ssh_end(const std::string& host, const SshOptions& options, int wait_status,
                            std::string_view said);

}  // namespace ipcrun
