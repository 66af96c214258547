// SPDX-License-Identifier: Apache-2.0
// The frames themselves; where bodies go: intake_bodies.cpp.
#include "runtime/connection/intake.hpp"

#include <algorithm>
#include <cstring>

#include "base/fail.hpp"

namespace ipcrun {

bool Intake::advance() {
    if (undecided() != nullptr) return false;
    return parse() || (read() && (parse(), true));
}

bool Intake::has_read_ahead() const {
    return stream_.has_read_ahead() || (buffered() != 0 && !is_short_);
}

bool Intake::parse() {
    if (current_ != nullptr) {
        if (buffered() == 0) return false;
        take_buffered();
        return true;
    }
    is_short_ = true;
    if (buffered() < frame_header_bytes) return false;
    const auto* const bytes = buffer_.data() + begin_;
    const FrameHeader header = decode_frame_header(
        std::span<const std::uint8_t, frame_header_bytes>(bytes, frame_header_bytes));
    const std::size_t note_bytes = header.note_bytes;
    if (buffered() < frame_header_bytes + note_bytes) return false;
    is_short_ = false;
    begin_ += frame_header_bytes + note_bytes;
    handle(header, {bytes + frame_header_bytes, note_bytes});
    return true;
}

void Intake::handle(const FrameHeader& header, std::span<const std::uint8_t> note) {
    if (heard_.goodbye) fail(ErrorCode::protocol, "receive: the peer went on after its goodbye");
    switch (header.kind) {
        case FrameKind::message:
        case FrameKind::offer:
            return begin(header, note);
        case FrameKind::body:
            return begin_body(header);
        case FrameKind::goodbye:
            heard_.goodbye = true;
            return;
        case FrameKind::withdraw:
            // One that the receiver dropped, since both ends waited, is not here.
            if (offer_ != nullptr && offer_->offer == header.body_bytes) drop_offer();
            return;
        case FrameKind::stay:
            if (offer_ == nullptr) fail(ErrorCode::protocol, "receive: nothing was offered");
            offer_->sender_stays = true;
            return;
        case FrameKind::accept:
            heard_.accepted = header.body_bytes;
            return;
        case FrameKind::received:
            heard_.received_bytes += header.body_bytes;
            return;
    }
}

// What has been sent before anybody asked for it is within the lag, or the peer lies.
void Intake::count(const Inbound& message) {
    const std::size_t bytes = link_lag_bytes_of(message.header);
    if (!message.is_accepted && bytes > link_lag_bytes - std::min(lag_bytes_, link_lag_bytes))
        fail(ErrorCode::protocol, "receive: the peer has sent {} bytes more than it may",
             lag_bytes_ + bytes - link_lag_bytes);
    lag_bytes_ += bytes;
}

void Intake::begin(const FrameHeader& header, std::span<const std::uint8_t> note) {
    if (header.dtype >= dtype_count)
        fail(ErrorCode::protocol, "receive: no dtype has the number {}", header.dtype);
    if (header.body_bytes % size_of(Dtype(header.dtype)) != 0)
        fail(ErrorCode::protocol, "receive: {} bytes of {}", header.body_bytes,
             name_of(Dtype(header.dtype)));
    if (offer_ != nullptr)
        fail(ErrorCode::protocol, "receive: a message came while another was offered");
    auto made = std::make_unique<Inbound>();
    made->header = header;
    made->note.assign(note.begin(), note.end());
    if (header.kind == FrameKind::offer) {
        made->offer = ++offers_;
        made->has_body = false;
    } else {
        count(*made);
    }
    Inbound* const message = made.get();
    queues_[static_cast<int>(header.tag)].push_back(std::move(made));
    if (header.kind == FrameKind::offer)
        offer_ = message;
    else if (header.body_bytes != 0)
        current_ = message;
}

void Intake::begin_body(const FrameHeader& header) {
    if (offer_ == nullptr || offer_->header.body_bytes != header.body_bytes ||
        offer_->header.tag != header.tag || offer_->header.dtype != header.dtype)
        fail(ErrorCode::protocol, "receive: a body that was not offered");
    count(*offer_);
    offer_->has_body = true;
    if (header.body_bytes != 0) current_ = offer_;
    offer_ = nullptr;
}

bool Intake::read() {
    if (begin_ == end_) begin_ = end_ = 0;
    if (begin_ != 0) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, buffered());
        end_ -= begin_;
        begin_ = 0;
    }
    // The rest of the body goes where it belongs, and what follows it to the buffer.
    constexpr std::size_t views_max = 64;
    std::array<iovec, views_max + 1> views;
    std::size_t count = current_ == nullptr ? 0 : look({views.data(), views_max});
    std::size_t body_bytes = 0;
    for (std::size_t i = 0; i < count; ++i) body_bytes += views[i].iov_len;
    const bool ends_there =
        current_ == nullptr || current_->have_bytes + body_bytes == current_->header.body_bytes;
    if (ends_there) views[count++] = {buffer_.data() + end_, buffer_.size() - end_};
    const std::size_t bytes = stream_.try_read({views.data(), count});
    if (bytes == 0) return false;
    const std::size_t of_body = std::min(bytes, body_bytes);
    if (of_body != 0) advance_body(of_body);
    end_ += bytes - of_body;
    is_short_ = false;
    return true;
}

}  // namespace ipcrun
