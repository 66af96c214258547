// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Counts as Slurm writes them, one a node: SLURM_TASKS_PER_NODE, SLURM_JOB_CPUS_PER_NODE. Pure.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ipcrun {

constexpr int repeats_max = 1 << 20;  ///< counts in a list: no job has more nodes

/// "2(x3),1" is 2, 2, 2, 1. Nothing where the text is of another form, a count or repeat is not
/// positive, or there would be more than repeats_max of them.
std::optional<std::vector<int>> parse_repeats(std::string_view text);

/// As Slurm does: equal neighbours once, with how many they are.
std::string format_repeats(const std::vector<int>& counts);

}  // namespace ipcrun
