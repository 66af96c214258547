// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Which machine this is: several hosts may be one, as containers are that run side by side.

#include <cstdint>

namespace ipcrun {

/// The same for all that run under one kernel since it was started, and 0 where that cannot be
/// told.
std::uint64_t machine_id();

}  // namespace ipcrun
