// SPDX-License-Identifier: Apache-2.0
#pragma once
/// One endpoint of libfabric for tagged messages, and what it consists of.

#include <rdma/fabric.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "runtime/fabric/offers.hpp"

namespace ipcrun {

struct CloseFid {
    template <typename Fid>
    void operator()(Fid* fid) const {
        // Nothing is left to be done about one that does not close: it is of this process alone.
        if (fid != nullptr) (void)fi_close(&fid->fid);
    }
};
template <typename Fid>
using FidPtr = std::unique_ptr<Fid, CloseFid>;

/// Throws Error{system} for a negative `result` of libfabric: "fabric 'net' on eth0 (the first):
/// open an endpoint: why". `name`: that of an endpoint.
void check_fabric(ssize_t result, std::string_view name, std::string_view what);

struct FabricEndpoint {
    /// Throws Error{system}.
    explicit FabricEndpoint(FabricOffer chosen);

    std::string provider;
    std::string name;  ///< for people: with the adapter, and why it is that one
    FabricInfo info;
    FidPtr<fid_fabric> fabric;
    FidPtr<fid_domain> domain;
    FidPtr<fid_av> addresses;
    FidPtr<fid_cq> completions;
    FidPtr<fid_ep> endpoint;  // closed first
    int fd = -1;              ///< of completions; -1: they have none
    std::vector<std::uint8_t> address;
};

}  // namespace ipcrun
