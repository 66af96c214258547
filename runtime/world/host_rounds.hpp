// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How all hosts hear of each other: in each round each host tells what it has heard to three
/// others, so that four times as many have heard of it. After Bruck et al., Efficient Algorithms
/// for All-to-All Communications in Multiport Message-Passing Systems (1997). To wait for a message
/// costs more than to send three.

#include <algorithm>

namespace ipcrun {

constexpr int host_round_radix = 4;

/// Calls `round(step)` for each round; who is told in it is `step`, 2 `step` and 3 `step` hosts
/// away, as far as there are so many (see for_each_told).
template <typename Round>
void for_each_round(int hosts, Round round) {
    for (int step = 1; step < hosts; step *= host_round_radix) round(step);
}

/// Calls `tell(away)` for each host that is told in the round of `step`: the next `away` after
/// one's own. It does not know of min(`step`, hosts - `away`) of those of whom the teller has
/// heard.
template <typename Tell>
void for_each_told(int step, int hosts, Tell tell) {
    for (int away = step; away < std::min(step * host_round_radix, hosts); away += step) tell(away);
}

}  // namespace ipcrun
