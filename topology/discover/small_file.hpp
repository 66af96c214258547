// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Files of /proc, /sys and of cgroups: short, and without a size to ask for.

#include <optional>
#include <string>

namespace ipcrun::topology {

/// The whole text; nullopt: not there, or not for us.
std::optional<std::string> read_small_file(const std::string& path);

}  // namespace ipcrun::topology
