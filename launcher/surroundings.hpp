// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What ipcrun was started with: environment, descriptors, signals.

#include <string>
#include <vector>

namespace ipcrun {

enum class InputKind { terminal, other };

struct Surroundings {
    std::vector<std::string> environment = {};  ///< "NAME=value"
    /// Names of variables that each host has its own of, and that are not in `environment`.
    std::vector<std::string> host_variables = {};
    std::vector<int> ignored_signals = {};
    InputKind standard_input = InputKind::other;
    bool output_is_terminal = false;
    int process_group = 0;
};

/// To be asked before signal handlers are set.
Surroundings read_surroundings();

/// Opens 0 to 2 where they are closed, and keeps all others from being inherited by workers.
void tidy_descriptors();

}  // namespace ipcrun
