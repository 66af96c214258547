// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Machines as hwloc writes them down (`lstopo machine.xml`).

#include <string>

#include "topology/machine.hpp"

namespace pugi {
class xml_node;
}

namespace ipcrun::topology {

/// `topology` is the root element, of hwloc 1 or 2. `source` names it in errors. Throws
/// Error{usage}.
Machine read_hwloc(const pugi::xml_node& topology, const std::string& source);

}  // namespace ipcrun::topology
