// SPDX-License-Identifier: Apache-2.0
#include "runtime/fabric/libfabric_fabric.hpp"

#include <rdma/fi_errno.h>
#include <rdma/fi_tagged.h>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "base/fail.hpp"

namespace ipcrun {

namespace {

// So many are in the hands of the provider at a time: fewer than any queue of completions holds.
constexpr std::size_t posted_max = 64;
constexpr std::size_t completions_max = 16;

}  // namespace

void LibfabricTransfer::cancel() {
    if (!is_over_ && !is_cancelled) fabric_.cancel(*this);
}

LibfabricFabric::LibfabricFabric(FabricOffer offer, Seconds patience)
    : end_(std::make_unique<FabricEndpoint>(std::move(offer))), patience_(patience) {
    if (end_->address.empty() || end_->address.size() > fabric_address_bytes_max)
        fail(ErrorCode::config, "fabric '{}' has an address of {} bytes", provider(),
             end_->address.size());
    posted_max_ =
        std::min({posted_max, end_->info->tx_attr->size, end_->info->rx_attr->size, posted_max});
    posted_max_ = std::max<std::size_t>(posted_max_, 1);
}

// The format is a pattern of the bits that a provider keeps.
std::uint64_t LibfabricFabric::tag_mask() const {
    const std::uint64_t format = end_->info->ep_attr->mem_tag_format;
    return format == 0 ? ~std::uint64_t(0) : ~std::uint64_t(0) >> std::countl_zero(format);
}

std::size_t LibfabricFabric::views_max() const {
    return std::min(end_->info->tx_attr->iov_limit, end_->info->rx_attr->iov_limit);
}

std::uint64_t LibfabricFabric::add_peer(std::span<const std::uint8_t> address) {
    // All addresses of a provider are of one size; what is longer or shorter is none.
    fi_addr_t result = FI_ADDR_NOTAVAIL;
    if (is_closed_ || address.size() != end_->address.size() ||
        fi_av_insert(end_->addresses.get(), address.data(), 1, &result, 0, nullptr) != 1)
        fail(ErrorCode::config, "fabric '{}' does not know such an address", provider());
    return result;
}

void LibfabricFabric::remove_peer(std::uint64_t peer) {
    fi_addr_t address = peer;
    // One that is still in use stays: it is one entry of a table.
    if (!is_closed_) (void)fi_av_remove(end_->addresses.get(), &address, 1, 0);
}

std::unique_ptr<Fabric::Transfer> LibfabricFabric::start(LibfabricTransfer::Order order) {
    for (const iovec& view : order.views) order.bytes += view.iov_len;
    auto transfer = std::make_unique<LibfabricTransfer>(*this, std::move(order));
    if (is_closed_) {
        transfer->end("the endpoint is closed");
        return transfer;
    }
    try {
        register_memory(*transfer);
    } catch (const Error& error) {
        transfer->end(error.what());
        return transfer;
    }
    if (waiting_.empty()) moved_at_ = Clock::now();
    waiting_.push_back(transfer.get());
    has_ended_ = post_waiting() || has_ended_;
    return transfer;
}

// For the time of the transfer: whoever owns this memory may unmap it after, and a registration
// that is kept would go on to name what was there.
void LibfabricFabric::register_memory(LibfabricTransfer& transfer) {
    if ((end_->info->domain_attr->mr_mode & FI_MR_LOCAL) == 0) return;
    for (const iovec& view : transfer.order.views) {
        fid_mr* registration = nullptr;
        check_fabric(fi_mr_reg(end_->domain.get(), view.iov_base, view.iov_len,
                               transfer.order.is_receive ? FI_RECV : FI_SEND, 0, 0, 0,
                               &registration, nullptr),
                     end_->name, "register memory");
        transfer.registrations.emplace_back(registration);
        transfer.descriptors.push_back(fi_mr_desc(registration));
    }
}

// False: not now. An error ends it.
bool LibfabricFabric::post(LibfabricTransfer& transfer) {
    const auto& order = transfer.order;
    void** const descriptors = transfer.descriptors.empty() ? nullptr : transfer.descriptors.data();
    fid_ep* const endpoint = end_->endpoint.get();
    const ssize_t result =
        order.is_receive ? fi_trecvv(endpoint, order.views.data(), descriptors, order.views.size(),
                                     order.peer, order.tag, 0, &transfer.context)
                         : fi_tsendv(endpoint, order.views.data(), descriptors, order.views.size(),
                                     order.peer, order.tag, &transfer.context);
    if (result == -FI_EAGAIN) return false;
    if (result == 0) {
        transfer.is_posted = true;
        posted_.push_back(&transfer);
    } else {
        transfer.end(fi_strerror(static_cast<int>(-result)));
    }
    return true;
}

// A peer that is not connected yet holds up nobody else. True when one has failed.
bool LibfabricFabric::post_waiting() {
    bool has_ended = false;
    for (auto place = waiting_.begin(); place != waiting_.end() && posted_.size() < posted_max_;) {
        LibfabricTransfer& transfer = **place;
        if (!post(transfer)) {
            ++place;
            continue;
        }
        place = waiting_.erase(place);
        moved_at_ = Clock::now();
        has_ended = has_ended || transfer.is_over();
    }
    return has_ended;
}

// True when there was something to give up.
bool LibfabricFabric::give_up_waiting() {
    const bool is_refused = !waiting_.empty() && posted_.size() < posted_max_;
    if (!is_refused || Clock::now() - moved_at_ < patience_) return false;
    for (LibfabricTransfer* const transfer : waiting_)
        transfer->end(fmt::format("{} has not taken it for {} s", provider(), patience_.count()));
    waiting_.clear();
    return true;
}

void LibfabricFabric::end(LibfabricTransfer& transfer, std::string why) {
    moved_at_ = Clock::now();
    posted_.remove(&transfer);
    transfer.end(std::move(why));
}

void LibfabricFabric::cancel(LibfabricTransfer& transfer) {
    transfer.is_cancelled = true;
    if (!transfer.is_posted) {
        waiting_.remove(&transfer);
        return transfer.end("cancelled");
    }
    // What cannot be cancelled goes on to its end; either is a completion.
    (void)fi_cancel(&end_->endpoint->fid, &transfer.context);
}

bool LibfabricFabric::progress() {
    if (is_closed_) return false;
    bool has_ended = std::exchange(has_ended_, false);
    has_ended = read_completions() || has_ended;
    if (!waiting_.empty()) has_ended = post_waiting() || has_ended;
    return give_up_waiting() || has_ended;
}

bool LibfabricFabric::read_completions() {
    bool has_ended = false;
    for (;;) {
        std::array<fi_cq_tagged_entry, completions_max> entries;
        const ssize_t count = fi_cq_read(end_->completions.get(), entries.data(), entries.size());
        if (count == -FI_EAVAIL && read_failure()) {
            has_ended = true;
            continue;
        }
        // Nothing there; or the queue itself is broken, and who waits gives it up.
        if (count <= 0) return has_ended;
        has_ended = true;
        for (const fi_cq_tagged_entry& entry : std::span(entries.data(), std::size_t(count))) {
            auto& transfer = *static_cast<LibfabricTransfer::Context*>(entry.op_context)->transfer;
            const bool is_short = transfer.order.is_receive && entry.len != transfer.order.bytes;
            end(transfer, is_short ? fmt::format("{} bytes came in the place of {}", entry.len,
                                                 transfer.order.bytes)
                                   : "");
        }
    }
}

bool LibfabricFabric::read_failure() {
    fi_cq_err_entry entry{};
    if (fi_cq_readerr(end_->completions.get(), &entry, 0) != 1) return false;
    if (entry.op_context == nullptr) return true;
    end(*static_cast<LibfabricTransfer::Context*>(entry.op_context)->transfer,
        entry.err == FI_ECANCELED ? "cancelled" : fi_strerror(entry.err));
    return true;
}

bool LibfabricFabric::may_sleep() {
    if (is_closed_) return true;
    if (end_->fd < 0 || !waiting_.empty()) return false;
    fid* fids[] = {&end_->completions->fid};
    return fi_trywait(end_->fabric.get(), fids, 1) == FI_SUCCESS;
}

// Once the endpoint is closed the provider touches no memory of transfers any more.
void LibfabricFabric::close() {
    if (is_closed_) return;
    is_closed_ = true;
    end_->endpoint.reset();
    for (std::list<LibfabricTransfer*>* const all : {&waiting_, &posted_}) {
        for (LibfabricTransfer* const transfer : *all) transfer->end("the endpoint is closed");
        all->clear();
    }
}

}  // namespace ipcrun
