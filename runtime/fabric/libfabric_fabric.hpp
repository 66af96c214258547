// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A Fabric made of libfabric.

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/deadline.hpp"
#include "runtime/fabric/endpoint.hpp"
#include "runtime/fabric/transfer.hpp"
#include "runtime/hosts/fabric.hpp"

namespace ipcrun {

class LibfabricFabric final : public Fabric {
  public:
    /// Some providers say "later" for ever: to a peer that does not answer, or where memory that
    /// they may lock runs out. What waits fails once nothing at all has moved for so long.
    static constexpr Seconds patience_default{10.0};
    /// Throws Error{system, config}.
    explicit LibfabricFabric(FabricOffer offer, Seconds patience = patience_default);
    ~LibfabricFabric() override { close(); }

    const std::string& provider() const override { return end_->provider; }
    std::span<const std::uint8_t> address() const override { return end_->address; }
    std::uint64_t tag_mask() const override;
    std::uint64_t bytes_max() const override { return end_->info->ep_attr->max_msg_size; }
    std::size_t views_max() const override;
    std::uint64_t add_peer(std::span<const std::uint8_t> address) override;
    void remove_peer(std::uint64_t peer) override;
    std::unique_ptr<Transfer> send(std::uint64_t peer, std::uint64_t tag,
                                   std::span<const iovec> views) override {
        return start({false, peer, tag, {views.begin(), views.end()}, 0});
    }
    std::unique_ptr<Transfer> receive(std::uint64_t peer, std::uint64_t tag,
                                      std::span<const iovec> views) override {
        return start({true, peer, tag, {views.begin(), views.end()}, 0});
    }
    bool progress() override;
    int fd() const override { return end_->fd; }
    bool may_sleep() override;
    void close() override;

    /// For its transfers.
    void cancel(LibfabricTransfer& transfer);

  private:
    std::unique_ptr<Transfer> start(LibfabricTransfer::Order order);
    bool post(LibfabricTransfer& transfer);
    bool post_waiting();
    bool give_up_waiting();
    void register_memory(LibfabricTransfer& transfer);
    bool read_completions();
    bool read_failure();
    void end(LibfabricTransfer& transfer, std::string why);

    std::unique_ptr<FabricEndpoint> end_;
    std::size_t posted_max_ = 0;
    std::list<LibfabricTransfer*> waiting_;  // to be posted, in this order
    std::list<LibfabricTransfer*> posted_;
    Seconds patience_;
    Clock::time_point moved_at_;  // something was taken, or over, or the first of those that wait
    bool is_closed_ = false, has_ended_ = false;
};

}  // namespace ipcrun
