// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a batch system tells the agents in its step by signals.

#include <signal.h>

namespace ipcrun {

/// Of those, SIGTERM announces the end of the job: ranks get it, and as much time as the batch
/// system gives, also when the launcher is gone. The others are for the ranks.
constexpr int step_signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

sigset_t step_signal_set();

/// From here on those that come wait for who takes them, in this process and its children, though
/// they are ignored otherwise. To call before there are threads.
void hold_step_signals();
/// Whoever has a handler for them by now gets those that have come.
void release_step_signals();

}  // namespace ipcrun
