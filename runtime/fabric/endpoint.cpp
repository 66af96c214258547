// SPDX-License-Identifier: Apache-2.0
#include "runtime/fabric/endpoint.hpp"

#include <rdma/fi_cm.h>
#include <rdma/fi_errno.h>

#include "base/fail.hpp"

namespace ipcrun {

void check_fabric(ssize_t result, std::string_view name, std::string_view what) {
    if (result >= 0) return;
    const int number = static_cast<int>(-result);
    throw Error(ErrorCode::system,
                fmt::format("fabric {}: {}: {}", name, what, fi_strerror(number)), number);
}

FabricEndpoint::FabricEndpoint(FabricOffer chosen)
    : provider(chosen.info->fabric_attr->prov_name),
      name(fmt::format("'{}' on {}", provider, chosen.adapter)),
      info(std::move(chosen.info)) {
    const auto made = [this](int result, std::string_view what) {
        check_fabric(result, name, what);
    };
    fid_fabric* new_fabric = nullptr;
    made(fi_fabric(info->fabric_attr, &new_fabric, nullptr), "open the fabric");
    fabric.reset(new_fabric);
    fid_domain* new_domain = nullptr;
    made(fi_domain(new_fabric, info.get(), &new_domain, nullptr), "open the domain");
    domain.reset(new_domain);
    fi_av_attr av_attr{};
    av_attr.type = info->domain_attr->av_type == FI_AV_MAP ? FI_AV_MAP : FI_AV_TABLE;
    fid_av* new_addresses = nullptr;
    made(fi_av_open(new_domain, &av_attr, &new_addresses, nullptr), "make a table of addresses");
    addresses.reset(new_addresses);
    fi_cq_attr cq_attr{};
    cq_attr.format = FI_CQ_FORMAT_TAGGED;
    cq_attr.wait_obj = FI_WAIT_FD;
    fid_cq* new_completions = nullptr;
    if (fi_cq_open(new_domain, &cq_attr, &new_completions, nullptr) != 0) {
        // Some have no descriptor: then one looks again and again.
        cq_attr.wait_obj = FI_WAIT_NONE;
        made(fi_cq_open(new_domain, &cq_attr, &new_completions, nullptr),
             "make a queue of completions");
    }
    completions.reset(new_completions);
    fid_ep* new_endpoint = nullptr;
    made(fi_endpoint(new_domain, info.get(), &new_endpoint, nullptr), "open an endpoint");
    endpoint.reset(new_endpoint);
    made(fi_ep_bind(new_endpoint, &new_addresses->fid, 0), "bind the addresses");
    made(fi_ep_bind(new_endpoint, &new_completions->fid, FI_TRANSMIT | FI_RECV),
         "bind the completions");
    made(fi_enable(new_endpoint), "enable the endpoint");
    if (cq_attr.wait_obj == FI_WAIT_FD)
        made(fi_control(&new_completions->fid, FI_GETWAIT, &fd), "get its descriptor");
    address.resize(1024);
    std::size_t size = address.size();
    made(fi_getname(&new_endpoint->fid, address.data(), &size), "get its address");
    address.resize(size);
}

}  // namespace ipcrun
