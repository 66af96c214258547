// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a launcher on another host could not know of this one: where the program is, and the
/// environment.

#include "launcher/agent_protocol.hpp"

namespace ipcrun {

/// `launch` with its program and environment; one that has its program stays as it is. Makes its
/// directory the present one, so that relative paths mean what they mean for the ranks. Throws
/// Error{usage} when the directory or the program is not there or cannot be used, Error{config}
/// when there is no interpreter for a script.
Launch prepare_launch(Launch launch);

}  // namespace ipcrun
