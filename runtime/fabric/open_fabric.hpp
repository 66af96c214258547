// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The one of several offers that this process can use.

#include <memory>
#include <vector>

#include "runtime/fabric/libfabric_fabric.hpp"
#include "runtime/fabric/offers.hpp"

namespace ipcrun {

/// The first that opens: an adapter may be there and have no port, or too little room, or this user
/// may not lock memory. Where none opens: null, or with `must` an Error{system, config} that says
/// why the first does not.
std::unique_ptr<LibfabricFabric> open_first(std::vector<FabricOffer> offers, bool must);

}  // namespace ipcrun
