// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What the environment of this process says.

#include <cstdlib>
#include <optional>
#include <string>

namespace ipcrun {

/// Nothing where it is not set; a copy, since setenv(3) frees what getenv(3) gave. No other thread
/// may change the environment meanwhile.
inline std::optional<std::string> environment_variable(const char* name) {
    const char* const text = std::getenv(name);
    return text == nullptr ? std::nullopt : std::optional<std::string>(text);
}

}  // namespace ipcrun
