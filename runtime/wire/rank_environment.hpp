// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The environment variables by which a process knows its place in a job. This is the one table:
/// the agent writes it, ranks read it, ipcrun(1) documents it.

#include <optional>
#include <string>
#include <vector>

namespace ipcrun {

/// What carries long messages between hosts: `ipcrun --fabric` sets it for all ranks, which read it
/// (see runtime/hosts/fabric.hpp).
constexpr const char* fabric_variable = "IPCRUN_FABRIC";

/// 1: no result may depend on which ranks are on which host. `ipcrun --deterministic` sets it for
/// all ranks, which read it by wants_determinism().
constexpr const char* deterministic_variable = "IPCRUN_DETERMINISTIC";

/// The number of the socket to the agent.
constexpr const char* control_fd_variable = "IPCRUN_CONTROL_FD";

struct RankEnvironment {
    int rank = 0;         ///< IPCRUN_RANK: 0 to size - 1
    int size = 1;         ///< IPCRUN_SIZE: ranks in the job
    int node = 0;         ///< IPCRUN_NODE: index of the host among the job's hosts
    int local_rank = 0;   ///< IPCRUN_LOCAL_RANK: 0 to local_size - 1
    int local_size = 1;   ///< IPCRUN_LOCAL_SIZE: ranks on this host
    int control_fd = -1;  ///< IPCRUN_CONTROL_FD: the socket to the agent

    /// "NAME=value" for each of the above.
    std::vector<std::string> format() const;

    /// Reads them from this process's environment; nullopt without a launcher (no IPCRUN_RANK).
    /// Throws Error{config} when they are there and make no sense.
    static std::optional<RankEnvironment> read();
};

/// The wish of this process. Throws Error{config} where the variable is neither 0 nor 1.
bool wants_determinism();

}  // namespace ipcrun
