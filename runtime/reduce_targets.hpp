// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The compilations of reduce() for different CPUs, and which of them a CPU takes.

#include <span>
#include <string_view>
#include <vector>

#include "runtime/best_reduce.hpp"

namespace ipcrun {

struct ReduceTarget {
    /// What the compiler was told that the CPU has beyond what this program needs anyhow: names of
    /// cpu_has() with commas between, or nothing.
    std::string_view features;
    Reduce* reduce;
};

/// All that were compiled, the best first. The last one wants no features.
std::vector<ReduceTarget> reduce_targets();

using HasFeature = bool(std::string_view feature);

/// Whether a CPU with the features for which `has` says so can run `target`.
bool runs(const ReduceTarget& target, HasFeature* has);

/// The first of `targets` that runs, on such a CPU; one must.
ReduceTarget best_of(std::span<const ReduceTarget> targets, HasFeature* has);

}  // namespace ipcrun
