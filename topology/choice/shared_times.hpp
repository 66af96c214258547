// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How long an allreduce over shared memory takes.

#include "topology/choice/choice.hpp"

namespace ipcrun::topology {

/// Every member reads what all have written beside their arrival flags.
double flags_us(int members, const SharedMemoryCosts& costs, double bytes);

/// Each byte of the result is read from all members and written to all, once; see
/// runtime/shared_work.cpp.
double work_sharing_us(int members, const SharedMemoryCosts& costs, double bytes);

}  // namespace ipcrun::topology
