// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What libfabric has to offer here, and which of it we take.

#include <rdma/fabric.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "runtime/fabric/nic_offer.hpp"

namespace ipcrun {

struct FreeFabricInfo {
    void operator()(fi_info* info) const { fi_freeinfo(info); }
};
using FabricInfo = std::unique_ptr<fi_info, FreeFabricInfo>;

struct FabricOffer {
    FabricInfo info;
    std::string adapter;  ///< as OfferChoice has it
};

/// Never taken: `sockets` (given up by its makers, milliseconds a message), `shm` (of one host),
/// `udp` (slower than any stream), and what is only for tests.
bool is_barred(std::string_view provider);
/// Goes over the TCP of the kernel, as our own streams do.
bool is_mere_tcp(std::string_view provider);

/// The endpoints that `wish` (see load_fabric) may have, the best first: of each provider that of
/// this rank's NIC, and the first (see choose_offers()). None only for "auto". Throws Error:
/// config, unsupported.
std::vector<FabricOffer> choose_fabrics(std::string_view wish, const Address& own,
                                        const OwnNic& nic = {});

}  // namespace ipcrun
