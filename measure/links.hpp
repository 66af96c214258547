// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Measures the link between two ranks of a world, and how fast a rank combines values.

#include "runtime/job.hpp"
#include "topology/link/link.hpp"

namespace ipcrun::measure {

/// Called by members a and b at the same time, while all others sleep. Both get the same cost. The
/// latency is what is left of half a round trip of 8 bytes without the gap, the gap what each
/// of many messages of 8 bytes takes that follow one another, and the time of a byte that of one in
/// a message of 16 MiB.
topology::LinkCost measure_link(Job& job, int a, int b);

/// Time to add a byte of f32 to one's own, in a cache.
double measure_reduce_us_per_byte();

}  // namespace ipcrun::measure
