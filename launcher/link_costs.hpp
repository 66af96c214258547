// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What is known of the links of machines like this one: measured by an earlier job, or assumed.

#include <optional>
#include <string>
#include <vector>

#include "launcher/supervisor.hpp"
#include "topology/link/measured.hpp"
#include "topology/machine.hpp"

namespace ipcrun {

/// What an earlier --measure-links found out about machines like `machine`; nullopt: there was
/// none. `environment`: where the cache directory is looked for. Throws Error{config} for a file
/// that is damaged.
std::optional<topology::MeasuredCosts> find_measured(const topology::Machine& machine,
                                                     const std::vector<std::string>& environment);

/// The job that measures the links of this machine and keeps the result. Call it before threads
/// exist. Throws Error{config} where there is no place to keep it.
Order order_of_measurement(const Options& options, const Surroundings& surroundings);

}  // namespace ipcrun
