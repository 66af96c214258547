// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Which members of a communicator are on which host.

#include <span>
#include <vector>

#include "runtime/wire/job_table.hpp"

namespace ipcrun {

struct HostLayout {
    /// `ranks`: of the members in the job; `own` is one of them.
    HostLayout(const JobTable& table, std::vector<int> ranks, int own);

    int size() const { return static_cast<int>(ranks.size()); }
    int hosts() const { return static_cast<int>(members_on.size()); }
    bool is_here(int member) const { return host_of[static_cast<std::size_t>(member)] == own_host; }
    /// Number among the members of its host.
    int local(int member) const { return local_of[static_cast<std::size_t>(member)]; }
    /// The members on this host.
    const std::vector<int>& here() const { return members_on[static_cast<std::size_t>(own_host)]; }

    std::vector<int> ranks;                    ///< in the job, by member
    int own = 0;                               ///< this member
    int own_host = 0;                          ///< index into members_on
    std::vector<std::vector<int>> members_on;  ///< by host, in the order of their first members
    std::vector<int> host_of, local_of;        ///< by member
};

}  // namespace ipcrun
