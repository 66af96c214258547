// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What the near end of a relay is started with. Pure.

#include <string>
#include <vector>

#include "launcher/hosts/ssh.hpp"

namespace ipcrun {

/// As arguments: --near HOST ADDRESS AGENT_PATH, then how to get there, one of
///     ssh                 as ipcrun does
///     line TEXT           by this, which takes the place of ssh
///     program N WORD...   by these N words, which run agent_command() there
/// then the program of the child and its arguments.
struct NearOrder {
    std::string host;
    std::string address;            ///< of this host, for that one; empty: as the agent sees it
    SshOptions ssh = {};            ///< how to get there
    std::string program;            ///< empty: ipcrun-lua of that host
    std::vector<std::string> argv;  ///< of the child, without argv[0]
};

/// Throws Error{usage}.
NearOrder parse_near_arguments(const std::vector<std::string>& arguments);

}  // namespace ipcrun
