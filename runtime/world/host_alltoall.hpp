// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Alltoall over hosts: members on different hosts exchange their blocks directly.

#include "runtime/world/host_operation.hpp"

namespace ipcrun {

/// Elements for each member, and of each member. The counts of every pair agree, or are found to
/// differ by verify_alltoall_counts() before.
struct AlltoallCounts {
    std::span<const std::size_t> from, to;
};

void alltoall_over_hosts(const HostOperation& operation, const Part& from, const Part& to,
                         const AlltoallCounts& counts);

}  // namespace ipcrun
