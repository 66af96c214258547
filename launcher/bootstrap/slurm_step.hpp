// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The step of Slurm to which this process belongs, by its variables. Pure.

#include <optional>
#include <string>
#include <vector>

#include "launcher/bootstrap/bootstrap.hpp"

namespace ipcrun {

struct SlurmStep {
    std::string name;  ///< "12.0": job and step; of a heterogeneous job the first of its numbers
    int restarts = 0;  ///< how often the job was put back into the queue
    int rank = 0;
    int size = 0;
    std::vector<std::string> nodes = {};  ///< all of the step
    std::string own_node = {};
    int local_rank = 0;  ///< among the tasks of the step on this node
};

/// Nothing where this is no task of a step: a batch script, the command of salloc. Throws
/// Error{config} where the variables do not fit together.
std::optional<SlurmStep> find_slurm_step(const Lookup& environment);

}  // namespace ipcrun
