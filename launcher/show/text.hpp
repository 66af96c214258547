// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A plan on one screen of text, for `ipcrun --dry-run`.

#include <string>

#include "launcher/show/overview.hpp"

namespace ipcrun::show {

/// The whole plan in lines of at most `columns` characters (at least 60). Large plans are summed
/// up: the text has a bounded length whatever the number of ranks and hosts, and takes time of
/// O(hosts).
std::string format_text(const Overview& overview, int columns = 100);

}  // namespace ipcrun::show
