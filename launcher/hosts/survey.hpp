// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Asks hosts what they are, without starting anything there but their agents: for plans.

#include <vector>

#include "launcher/hosts/fleet.hpp"
#include "launcher/hosts/host_list.hpp"

namespace ipcrun {

/// What the agents of `hosts` say, in their order. `own`: the index of this host; -1: it is none of
/// them. Blocks until all have answered and their agents have ended; forks, so it is called before
/// threads exist. Throws Error{system} that names the host that failed.
std::vector<Ready> survey(const std::vector<NamedHost>& hosts, int own, const Fleet::Start& start,
                          const Prepare& prepare);

}  // namespace ipcrun
