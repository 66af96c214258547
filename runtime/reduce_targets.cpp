// SPDX-License-Identifier: Apache-2.0
#include "runtime/reduce_targets.hpp"

#include <algorithm>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "runtime/cpu_features.hpp"

namespace ipcrun {

bool runs(const ReduceTarget& target, HasFeature* has) {
    return target.features.empty() || std::ranges::all_of(split(target.features, ','), has);
}

ReduceTarget best_of(std::span<const ReduceTarget> targets, HasFeature* has) {
    const auto best = std::ranges::find_if(
        targets, [&](const ReduceTarget& target) { return runs(target, has); });
    check(best != targets.end(), "some compilation of reduce() runs on any CPU");
    return *best;
}

Reduce* best_reduce() {
    static Reduce* const best = best_of(reduce_targets(), cpu_has).reduce;
    return best;
}

}  // namespace ipcrun
