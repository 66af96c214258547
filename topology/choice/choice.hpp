// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Which algorithm an allreduce should take: a predicted time for each, from the costs of links and
/// of shared memory.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "topology/link/costs.hpp"

namespace ipcrun::topology {

enum class Algorithm : std::uint8_t {
    flags,         ///< one host, small: the bytes travel beside the arrival flags
    work_sharing,  ///< one host, large: members reduce chunks from all memories to all memories
    tree,          ///< messages along the best tree
    two_tree,      ///< messages along two trees, half of the bytes each
    ring,          ///< messages around a ring: reduce-scatter, then allgather
    recursive_doubling,  ///< messages between ranks that differ in one bit
};
constexpr int algorithms = 6;

std::string_view name_of(
    Algorithm algorithm);  ///< "flags", "work-sharing", "tree", "two-tree", ...
std::optional<Algorithm> parse_algorithm(std::string_view text);

/// What the operations of one host over shared memory cost. All members have to be on it.
struct SharedMemoryCosts {
    int cpus = 1;                    ///< that the members share
    double flags_bytes_max = 1064;   ///< more does not fit beside the flags
    double wake_us = 0;              ///< to switch from one member to the next on a CPU
    double flag_us = 0;              ///< for a flag to be seen on another CPU
    double operation_us = 0;         ///< that a member spends whatever the size
    double share_us = 0;             ///< more of it where work is shared out
    double flag_gbytes_per_s = 0;    ///< at which a member gets what others wrote beside flags
    double cpu_gbytes_per_s = 0;     ///< read plus written by one CPU, from and to its caches
    double memory_gbytes_per_s = 0;  ///< by all of them together, where caches do not hold it
    double cache_bytes = 0;          ///< that hold the buffers of all members
};
SharedMemoryCosts default_shared_memory_costs();

struct Prediction {
    Algorithm algorithm = Algorithm::tree;
    double us = 0;
    int segments = 1;  ///< for trees
};

/// The time of every algorithm that can be used, fastest first; never empty. `shared`: nullopt when
/// members are on several hosts. Cost: that of best_tree and best_two_tree.
std::vector<Prediction> predict_allreduce(const Costs& costs,
                                          const std::optional<SharedMemoryCosts>& shared,
                                          double bytes, int degree_max = 2);

}  // namespace ipcrun::topology
