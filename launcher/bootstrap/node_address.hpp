// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Where a node of Slurm is reached.

#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.hpp"

namespace ipcrun {

/// The addresses of a node, in numbers: those of its name, else those of what scontrol knows it by
/// (NodeAddr). Throws Error: config (neither helps: why), timeout, system.
std::vector<std::string> find_node_addresses(const std::string& node, Deadline deadline);

/// What `scontrol show node` prints after "NodeAddr="; empty: nothing.
std::string parse_node_address(std::string_view text);

}  // namespace ipcrun
