// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Printing tensors the way torch7 does: aligned columns, a common scale factor where magnitudes
/// allow it, as many columns side by side as fit 80 characters, the slices of higher dimensions one
/// after the other.

#include <cstddef>

#include "bindings/lua/torch/view.hpp"

namespace ipcrun::lua {

/// Writes the text in pieces to `write(sink, ...)`, which may raise: nothing here needs a
/// destructor.
void format(const View& view, const char* type_name, void* sink,
            void (*write)(void* sink, const char* text, std::size_t length));

}  // namespace ipcrun::lua
