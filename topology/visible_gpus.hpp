// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What is left of a machine's GPUs when a variable hides some of them from programs.

#include <string_view>

#include "topology/machine.hpp"

namespace ipcrun::topology {

/// `machine` with those GPUs of `vendor` alone that `list` names, and all of others, in their old
/// order, and the links between them. `list` is the text of CUDA_VISIBLE_DEVICES (NVIDIA),
/// ROCR_VISIBLE_DEVICES (AMD) or ZE_AFFINITY_MASK (Intel): numbers in the order of PCI ids among
/// those of that vendor, and UUIDs or unique beginnings of them ("GPU-2f0d", "MIG-GPU-2f0d…/1/0"),
/// with commas between. As the drivers do, it stops at the first that names no GPU, "-1" among
/// them; an empty text hides all. Do not call it where the variable is not set.
Machine visible(Machine machine, GpuVendor vendor, std::string_view list);

}  // namespace ipcrun::topology
