// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The process that owns a node's share of a job: its workers, the memory they share, their output.
/// It does what the launcher says, and when the launcher is gone it ends everything.

#include <optional>

#include "base/child.hpp"
#include "base/unique_fd.hpp"
#include "launcher/frames.hpp"
#include "launcher/hosts/addresses.hpp"

namespace ipcrun {

/// Where an agent is that a batch system runs: in a step of a job.
struct BatchStep {
    Route route;  ///< as its connection with the launcher goes
};

/// Runs the agent until the launcher is gone, and leaves no descendant of this process alive. The
/// calling process becomes a subreaper and has no other children. `guard`: a descriptor of the
/// process (pidfd) that is to do the same if this one is killed; its end is one for the job, too.
/// `step`: of a batch system, whose signals have been held (hold_step_signals()).
void run_agent(Connection launcher, UniqueFd guard = {}, std::optional<BatchStep> step = {});

struct LocalAgent {
    Child process;
    UniqueFd socket;
};

/// Forks this process, which should still be small, and runs the agent in the child.
LocalAgent start_local_agent();

}  // namespace ipcrun
