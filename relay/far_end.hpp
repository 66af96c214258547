// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The end of a relay on the child's host, which the agent there has started: it is the child's
/// parent.

#include <optional>
#include <string>
#include <vector>

#include "runtime/stream/key.hpp"

namespace ipcrun {

/// What comes by its standard input.
struct FarSecrets {
    Key connection;             ///< of the connection with the near end
    std::optional<Key> family;  ///< what the parent and its other children have in common
};
std::string encode_far_secrets(const FarSecrets& secrets);

/// What it is started with.
struct FarOrder {
    std::string address;            ///< where the near end listens
    std::string directory;          ///< the child's, where there is one of that name
    std::string program;            ///< empty: ipcrun-lua of this host
    std::vector<std::string> argv;  ///< of the child, without argv[0]
};

std::vector<std::string> far_arguments(const FarOrder& order);
/// Throws Error{usage} for what far_arguments() does not make.
FarOrder parse_far_arguments(const std::vector<std::string>& arguments);

/// Until the child has ended and its parent knows, or the near end is gone. Returns the exit status
/// of this process.
int run_far_end(const FarOrder& order);

}  // namespace ipcrun
