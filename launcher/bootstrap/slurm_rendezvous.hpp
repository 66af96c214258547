// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Who keeps the list of a step of Slurm, and where, so that all its tasks agree without a word.

#include <cstdint>
#include <vector>

#include "launcher/bootstrap/rendezvous.hpp"
#include "launcher/bootstrap/slurm_step.hpp"

namespace ipcrun {

/// The meeting of a step, but for the key and the addresses of another node. Steps seldom have a
/// port in common, nor have users; and there are several. The list is on the first node of the
/// step, with the first task that is there, which need not be rank 0.
Meeting plan_meeting(const SlurmStep& step, std::uint32_t user);

}  // namespace ipcrun
