// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a child of a family is given: its environment. Pure.

#include <string>
#include <vector>

namespace ipcrun {

/// The environment without a place in a job or family, which is its owner's alone.
std::vector<std::string> without_place(const std::vector<std::string>& environment);

/// What is inherited, less what is set anew, then what is set, then the socket to the agent.
std::vector<std::string> child_environment(const std::vector<std::string>& inherited,
                                           const std::vector<std::string>& added, int socket_fd);

}  // namespace ipcrun
