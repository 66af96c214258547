// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a child of a family is given: its share of the machine, its environment. Pure.

#include <cstdint>
#include <string>
#include <vector>

namespace ipcrun {

/// Bytes of each of the two arenas that parent and child share: the machine's memory, rounded up to
/// a power of two, so that an arena never is what ends a program first; and no more than lets
/// `children` that run at the same time fit into the address space of their parent.
std::uint64_t pair_arena_bytes(std::uint64_t memory_bytes, int children);

/// How many CPUs to tell to the two: all that are allowed, but one when `processes` share fewer, so
/// that none spins while another could work.
int pair_usable_cpus(int allowed_cpus, int processes);

/// The environment without a place in a job or family, which is its owner's alone.
std::vector<std::string> without_place(const std::vector<std::string>& environment);

/// What is inherited, less what is set anew, then what is set, then the socket to the agent.
std::vector<std::string> child_environment(const std::vector<std::string>& inherited,
                                           const std::vector<std::string>& added, int socket_fd);

}  // namespace ipcrun
