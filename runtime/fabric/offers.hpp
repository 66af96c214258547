// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What libfabric has to offer here, and which of it we take.

#include <rdma/fabric.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"

namespace ipcrun {

struct FreeFabricInfo {
    void operator()(fi_info* info) const { fi_freeinfo(info); }
};
using FabricInfo = std::unique_ptr<fi_info, FreeFabricInfo>;

/// Never taken: `sockets` (given up by its makers, milliseconds a message), `shm` (of one host),
/// `udp` (slower than any stream), and what is only for tests.
bool is_barred(std::string_view provider);
/// Goes over the TCP of the kernel, as our own streams do.
bool is_mere_tcp(std::string_view provider);

/// The endpoint that `wish` (see load_fabric) asks for; null: "auto", and there is none. Throws
/// Error: config, unsupported.
FabricInfo choose_fabric(std::string_view wish, const Address& own);

}  // namespace ipcrun
