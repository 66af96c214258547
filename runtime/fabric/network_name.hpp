// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The network that an endpoint of libfabric is on.

#include <rdma/fabric.h>

#include <string>

namespace ipcrun {

/// The same for two adapters of a host only where endpoints on one reach those on the other: its
/// fabric and, where it is reached by an address of IP, the subnet of that:
/// "IB-0xfe80000000000000 10.0.0.0/24".
std::string network_name(const fi_info& info);

}  // namespace ipcrun
