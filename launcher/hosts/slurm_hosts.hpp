// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Lists of nodes as Slurm reads and writes them: SLURM_JOB_NODELIST, srun --nodelist. Pure.

#include <string>
#include <string_view>
#include <vector>

namespace ipcrun {

/// "node[01-04,09],login": the names, in this order. `what`: the variable, for messages. Throws
/// Error{usage} that quotes what makes no sense, and for a node that is named twice.
std::vector<std::string> parse_slurm_hosts(std::string_view what, std::string_view text);

/// As short as the order allows: neighbours whose names differ in the number at their end alone
/// share a bracket. parse_slurm_hosts() gives the same names again, as `scontrol show hostnames`
/// does.
std::string format_slurm_hosts(const std::vector<std::string>& names);

}  // namespace ipcrun
