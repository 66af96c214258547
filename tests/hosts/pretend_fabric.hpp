// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Fabrics of a test that have a network in memory between them, which does what the test wants.

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/fail.hpp"
#include "runtime/hosts/fabric.hpp"

namespace ipcrun::testing {

class PretendFabric;

/// One lock for all of it. What the test sets applies from the next look of anybody.
class PretendNetwork {
  public:
    class Transfer final : public Fabric::Transfer {
      public:
        Transfer(PretendNetwork& network, std::uint64_t at, std::uint64_t tag,
                 std::span<const iovec> views)
            : at(at), tag(tag), views(views.begin(), views.end()), network_(network) {}
        bool is_over() const override {
            const std::lock_guard lock(network_.mutex);
            return is_over_;
        }
        const std::string& failure() const override { return failure_; }
        void cancel() override {
            const std::lock_guard lock(network_.mutex);
            if (network_.never_cancels || is_over_) return;
            std::erase(network_.sends, this);
            std::erase(network_.receives, this);
            end("cancelled");
        }
        void end(const std::string& why) {
            failure_ = why;
            is_over_ = true;
            ++network_.ends;
        }

        std::uint64_t at, tag;  // the receiver's
        std::vector<iovec> views;

      private:
        PretendNetwork& network_;
        bool is_over_ = false;
        std::string failure_;
    };

    /// Carries what fits together; how many bodies that were.
    void move() {
        for (std::size_t i = 0; !holds && i < sends.size();) {
            Transfer& send = *sends[i];
            const auto place = std::find_if(receives.begin(), receives.end(), [&](auto* receive) {
                return receive->at == send.at && receive->tag == send.tag;
            });
            if (place == receives.end()) {
                ++i;
                continue;
            }
            Transfer& receive = **place;
            receives.erase(place);
            sends.erase(sends.begin() + static_cast<std::ptrdiff_t>(i));
            if (!fails) copy(send.views, receive.views);
            carried += !fails;
            send.end(fails ? "the network is down" : "");
            receive.end(fails ? "the network is down" : "");
        }
    }
    static void copy(const std::vector<iovec>& from, const std::vector<iovec>& to) {
        std::vector<std::byte> all;
        for (const iovec& view : from) {
            const auto* const bytes = static_cast<const std::byte*>(view.iov_base);
            all.insert(all.end(), bytes, bytes + view.iov_len);
        }
        std::size_t at = 0;
        for (const iovec& view : to) {
            std::memcpy(view.iov_base, all.data() + at, view.iov_len);
            at += view.iov_len;
        }
    }

    std::mutex mutex;
    bool holds = false, fails = false, never_cancels = false;
    int carried = 0;
    std::uint64_t ends = 0;
    std::vector<Transfer*> sends, receives;
};

class PretendFabric final : public Fabric {
  public:
    PretendFabric(PretendNetwork& network, int rank, std::string provider = "pretend")
        : network_(network), provider_(std::move(provider)), own_{std::uint8_t(rank)} {}
    ~PretendFabric() override { close(); }

    const std::string& provider() const override { return provider_; }
    std::span<const std::uint8_t> address() const override { return own_; }
    std::uint64_t tag_mask() const override { return ~std::uint64_t(0) >> 16; }
    std::uint64_t bytes_max() const override { return 8 << 20; }
    std::size_t views_max() const override { return 4; }
    std::uint64_t add_peer(std::span<const std::uint8_t> address) override {
        if (address.size() != 1) fail(ErrorCode::config, "no such address");
        return address[0];
    }
    void remove_peer(std::uint64_t) override {}
    std::unique_ptr<Transfer> send(std::uint64_t peer, std::uint64_t tag,
                                   std::span<const iovec> views) override {
        return start(network_.sends, peer, tag, views);
    }
    std::unique_ptr<Transfer> receive(std::uint64_t, std::uint64_t tag,
                                      std::span<const iovec> views) override {
        return start(network_.receives, own_[0], tag, views);
    }
    bool progress() override {
        const std::lock_guard lock(network_.mutex);
        network_.move();
        return std::exchange(seen_, network_.ends) != network_.ends;
    }
    int fd() const override { return -1; }
    bool may_sleep() override { return false; }
    void close() override {
        const std::lock_guard lock(network_.mutex);
        is_closed = true;
        for (PretendNetwork::Transfer* const transfer : own_transfers_)
            if (std::erase(network_.sends, transfer) + std::erase(network_.receives, transfer) != 0)
                transfer->end("closed");
    }

    bool is_closed = false;

  private:
    std::unique_ptr<Transfer> start(std::vector<PretendNetwork::Transfer*>& line, std::uint64_t at,
                                    std::uint64_t tag, std::span<const iovec> views) {
        auto transfer = std::make_unique<PretendNetwork::Transfer>(network_, at, tag, views);
        const std::lock_guard lock(network_.mutex);
        own_transfers_.push_back(transfer.get());
        if (is_closed)
            transfer->end("closed");
        else
            line.push_back(transfer.get());
        return transfer;
    }

    PretendNetwork& network_;
    std::string provider_;
    std::vector<std::uint8_t> own_;
    std::vector<PretendNetwork::Transfer*> own_transfers_;  // compared, not used: some are gone
    std::uint64_t seen_ = 0;
};

}  // namespace ipcrun::testing
