// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A plan as JSON, for `ipcrun --json`: one object, a line for each of its keys. Keys stay as they
/// are; new ones may come. Numbers are finite; what is unknown is null.
///
///     version          1
///     truncated        true when there are more than json_ranks_max ranks: then "rank_list",
///                      and "parents" and "links" of the tree, are cut to the first of them, and
///                      "host_list" to the first json_hosts_max hosts
///     argv             of the program, with its name; empty when none was named
///     settings         object of the options in force: {"map-by": "numa", ...}
///     source           where the cluster was read from
///     notes            warnings, a sentence each
///     ranks, hosts     how many
///     machines         one of each kind: host, model, packages, memory_bytes,
///                      last_level_cache_bytes, cpu_quota (null: none),
///                      numa_nodes [{os_index, bytes, gbytes_per_s}],
///                      numa_latencies (row-major, 10 is local),
///                      cores [{cpus, package, numa_node, last_level_cache, l2}],
///                      bridges [{parent, pci_id, gbytes_per_s}],
///                      gpus [{name, model, pci_id, bytes, gbytes_per_s, host_gbytes_per_s,
///                      package, numa_node, last_level_cache, bridge}], nics [the same with
///                      network_gbytes_per_s], gpu_links [{a, b, gbytes_per_s, switched}].
///                      Indices count from 0; null: none. os_index is the kernel's number.
///     switches         of the network: [{name, parent, gbytes_per_s}]
///     host_list        [{name, machine, slots, leaf_switch, ranks}]; ranks as "0-3,8"
///     rank_list        [{rank, host, local_rank, cpus, memory_nodes, threads, package, numa_node,
///                      last_level_cache, gpu, nic}]; cpus and memory_nodes as "0-3,8",
///                      memory_nodes null: any. package to nic are indices of the machine; null:
///                      none, or several
///     link_classes     present ones, from near to far: [{class, pairs, tree_edges, latency_us,
///                      gap_us, gbytes_per_s, latency_us_max, gbytes_per_s_min, measured}]
///     pairs            up to 16 ranks: a row for each rank, of [{class, latency_us, gap_us,
///                      gbytes_per_s, measured, edges}], null on the diagonal; else null
///     tree             {bytes, us, bound_us, ratio, optimal, method, segments, once_us, period_us,
///                      degree_max (0: any), degree, depth, root, parents (-1 at the root), links
///                      (class of each rank's link to its parent), levels [ranks in each]}
///     predictions      [{bytes, algorithms [{algorithm, us, gbytes_per_s, segments}]}], fastest
///                      first

#include <string>

#include "launcher/show/overview.hpp"

namespace ipcrun::show {

constexpr int json_ranks_max = 65536;
constexpr int json_hosts_max = 8192;

/// Ends with a newline. Names that are not UTF-8 have their wrong bytes replaced.
std::string format_json(const Overview& overview);

}  // namespace ipcrun::show
