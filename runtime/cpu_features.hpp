// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What instruction sets the CPU has, of those that compilations of reduce() differ in.

#include <string_view>

namespace ipcrun {

/// Whether this CPU has `feature`, spelt as in the compiler's target attribute ("avx2"), and the
/// system saves the registers that it needs. What has no entry here counts as missing.
bool cpu_has(std::string_view feature);

}  // namespace ipcrun
