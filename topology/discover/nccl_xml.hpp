// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Machines as NCCL and RCCL write them down (NCCL_TOPO_DUMP_FILE) and as clouds describe their
/// virtual machines to them (NCCL_TOPO_FILE).

#include <string>

#include "topology/machine.hpp"

namespace pugi {
class xml_node;
}

namespace ipcrun::topology {

/// `system` is the root element. What the form does not tell is taken so: every <cpu> is a package
/// with one NUMA node and one last-level cache; where its CPUs are two runs of equal length, the
/// second are the second threads of the first. Links are as fast as it says; where it does not,
/// as is known of that kind of GPU or NIC. `source` names it in errors. Throws Error{usage}.
Machine read_nccl(const pugi::xml_node& system, const std::string& source);

}  // namespace ipcrun::topology
