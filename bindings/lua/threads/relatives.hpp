// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Who could still be about to open what this process has handed on in messages.

#include "bindings/lua/context.hpp"

namespace ipcrun::lua {

/// Does a process live that messages of this one can have reached, and that is no rank: a child,
/// the parent? True where nobody knows. Called by the thread of that state.
bool has_relatives(const Context& shared);

}  // namespace ipcrun::lua
