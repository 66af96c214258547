// SPDX-License-Identifier: Apache-2.0
#pragma once
/// At which of its addresses this host is reached by the other nodes of its step.

#include <string>

namespace ipcrun {

/// By the route to the host that the step was started from, never by name: that which IPCRUN_IFACE
/// names, else that which goes to SLURM_LAUNCH_NODE_IPADDR, else to the world; 127.0.0.1 where
/// there is no network. Throws Error: usage (no such interface), system.
std::string own_address_for_others();

/// The address of this host on the way to another, given in numbers; empty: there is no way.
std::string address_on_the_way_to(const std::string& other);

}  // namespace ipcrun
