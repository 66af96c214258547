// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The sections of the text of a plan, each as lines without their heading.

#include "launcher/show/overview.hpp"
#include "launcher/show/table.hpp"

namespace ipcrun::show {

Lines machine_section(const Overview& overview, std::size_t columns);
Lines rank_section(const Overview& overview);
Lines link_section(const Overview& overview, std::size_t columns);
Lines tree_section(const Overview& overview, std::size_t columns);
Lines time_section(const Overview& overview);

/// "proven optimal", "at most 1.12 times the best", ...
std::string format_ratio(const topology::PlannedTree& planned);

}  // namespace ipcrun::show
