// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/outlet.hpp"

#include <algorithm>
#include <array>

namespace ipcrun {

void Outlet::add(const FrameHeader& header, std::span<const std::uint8_t> note) {
    const FrameHeaderBytes bytes = encode_frame_header(header);
    waiting_.insert(waiting_.end(), bytes.begin(), bytes.end());
    waiting_.insert(waiting_.end(), note.begin(), note.end());
}

bool Outlet::take_back(std::size_t waiting_bytes) {
    // What has left altogether is not here any more.
    if (sent_ > waiting_bytes || waiting_.size() <= waiting_bytes) return false;
    waiting_.resize(waiting_bytes);
    if (sent_ == waiting_.size()) sent(0);
    return true;
}

void Outlet::sent(std::size_t bytes) {
    sent_ += bytes;
    if (sent_ < waiting_.size()) return;
    waiting_.clear();
    sent_ = 0;
}

bool Outlet::flush() {
    if (!waiting_.empty()) {
        const iovec view{waiting_.data() + sent_, waiting_.size() - sent_};
        sent(stream_.try_write({&view, 1}));
    }
    return waiting_.empty() && (!stream_.has_unsent() || stream_.try_flush());
}

Outlet::Frame::Frame(Outlet& outlet, const FrameHeader& header, std::span<const std::uint8_t> note,
                     std::span<const Part> parts)
    : outlet_(outlet), source_(parts), body_left_(header.body_bytes) {
    head_begin_ = outlet.waiting_.size();
    outlet.add(header, note);
}

Outlet::Frame::~Frame() {
    // What was never begun leaves no trace.
    if (!is_head_sent_ && outlet_.sent_ <= head_begin_) outlet_.waiting_.resize(head_begin_);
}

bool Outlet::Frame::has_begun() const {
    return is_head_sent_ || outlet_.sent_ > head_begin_;
}

bool Outlet::Frame::advance() {
    constexpr std::size_t views_max = 64;
    while (!is_head_sent_ || body_left_ != 0) {
        std::array<iovec, views_max + 1> views;
        std::size_t count = 0;
        std::size_t head_left = 0;
        if (!is_head_sent_) {
            head_left = outlet_.waiting_.size() - outlet_.sent_;
            views[count++] = {outlet_.waiting_.data() + outlet_.sent_, head_left};
        }
        if (body_left_ != 0) count += source_.look({views.data() + count, views_max});
        const std::size_t bytes = outlet_.stream_.try_write({views.data(), count});
        if (bytes == 0) return false;
        const std::size_t of_head = std::min(bytes, head_left);
        outlet_.sent(of_head);
        if (of_head == head_left) is_head_sent_ = true;
        if (bytes == of_head) continue;
        source_.advance(bytes - of_head);
        body_left_ -= bytes - of_head;
    }
    return !outlet_.stream_.has_unsent() || outlet_.stream_.try_flush();
}

}  // namespace ipcrun
