// SPDX-License-Identifier: Apache-2.0
#pragma once
/// One body on its way through an endpoint.

#include <rdma/fabric.h>
#include <rdma/fi_domain.h>

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/fabric/endpoint.hpp"
#include "runtime/hosts/fabric.hpp"

namespace ipcrun {

class LibfabricFabric;

/// Known to its fabric until it is over.
class LibfabricTransfer final : public Fabric::Transfer {
  public:
    struct Order {
        bool is_receive;
        fi_addr_t peer;
        std::uint64_t tag;
        std::vector<iovec> views;
        std::size_t bytes;
    };
    LibfabricTransfer(LibfabricFabric& fabric, Order what)
        : order(std::move(what)), fabric_(fabric) {}

    bool is_over() const override { return is_over_; }
    const std::string& failure() const override { return failure_; }
    void cancel() override;

    /// Of libfabric while it is posted; the first member, so that it leads back to this.
    struct Context {
        fi_context2 context = {};
        LibfabricTransfer* transfer = nullptr;
    };

    // For its fabric.

    void end(std::string why) {
        failure_ = std::move(why);
        registrations.clear();
        is_over_ = true;
    }

    Order order;
    Context context = {{}, this};
    std::vector<FidPtr<fid_mr>> registrations;  // of the views, where the provider asks for that
    std::vector<void*> descriptors;
    bool is_posted = false, is_cancelled = false;

  private:
    LibfabricFabric& fabric_;
    bool is_over_ = false;
    std::string failure_;
};

}  // namespace ipcrun
