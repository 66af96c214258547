// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The environment that ranks get: what is common to all, and what tells each its place.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/options.hpp"
#include "launcher/surroundings.hpp"
#include "runtime/wire/rank_environment.hpp"
#include "topology/place/placement.hpp"

namespace ipcrun {

/// The user's environment with the settings of -x, without what only ipcrun may set. Throws
/// Error{usage} for an -x that cannot be.
std::vector<std::string> common_environment(const Options& options,
                                            const Surroundings& surroundings);

/// Tells libfabric how many may want to reach each other. Without that its providers make room for
/// hundreds, which small adapters do not have. Room for more stays; less is that of another job.
void size_universe(std::vector<std::string>& environment, int ranks);

/// "NAME=value" for one rank, beside `common`: its `numbers`, its threads unless `common` has them,
/// its GPU and NIC on `machine`.
std::vector<std::string> rank_environment(const std::vector<std::string>& common,
                                          RankEnvironment numbers, const topology::Machine& machine,
                                          const topology::Place& place);

/// Names a rank's NIC in its environment.
void add_nic(std::vector<std::string>& environment, const topology::Nic& nic);

/// The variable by which the libraries of a vendor are told which GPUs there are for a process;
/// null: none known.
const char* visibility_variable(topology::GpuVendor vendor);

/// Variables that some ranks have their own of leave `common` for the others': no rank gets two.
void separate(std::vector<std::string>& common, std::vector<std::vector<std::string>*> ranks);

/// The value of the first setting of `name`; nullopt: there is none.
std::optional<std::string_view> find_variable(const std::vector<std::string>& environment,
                                              std::string_view name);

}  // namespace ipcrun
