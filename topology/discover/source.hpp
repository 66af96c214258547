// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Machines other than this host: from files, and from short descriptions.

#include <string>

#include "topology/cluster.hpp"
#include "topology/machine.hpp"

namespace ipcrun::topology {

/// The machine that `source` tells of:
///   - a file: XML of hwloc 1 or 2 (`lstopo machine.xml`), or of NCCL (NCCL_TOPO_DUMP_FILE);
///   - else a synthetic description as hwloc has them: "pack:2 numa:2 l3:2 core:4 pu:2". What has a
///     slash or ends in ".xml" is always meant to be a file.
/// A machine from a file that does not name its host is named as the file is, less ".xml".
/// Changes HWLOC_* variables while it runs: call it before threads exist. Throws Error{usage} with
/// one line that says what was read, what is wrong and what to do.
Machine read_machine(const std::string& source);

/// The same in a child process with bounded memory, processor time and patience, for files that
/// nobody vouches for: parsers that fall over them take nothing with them. Call it before threads
/// exist. Costs a fork beside the reading, some 2 ms. Throws as read_machine() does, and
/// Error{system} where there can be no child.
Machine read_machine_apart(const std::string& source);

/// The hosts that the text of --topology tells of, each machine read apart:
///   - "a.xml": one host;
///   - "a.xml,b.xml": two. Commas within parentheses belong to a synthetic description;
///   - "a.xml*64", "core:8 pu:2*4": so many hosts of that kind, named "a0", "a1" and so on; in a
///     list too;
///   - a folder: a host for each file in it that ends in ".xml", in the order of their names.
/// A file or folder that has such a name as a whole goes before these rules. Throws Error{usage} as
/// read_machine_apart() does, and for folders without such files, counts that are none, and more
/// than `hosts_max` hosts.
Cluster read_cluster(const std::string& argument);

constexpr std::size_t hosts_max = std::size_t{1} << 20;

}  // namespace ipcrun::topology
