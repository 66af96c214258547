// SPDX-License-Identifier: Apache-2.0
#include "runtime/hosts/outflow.hpp"

#include <algorithm>

#include "runtime/parts.hpp"
#include "runtime/strided.hpp"

namespace ipcrun {

namespace {

// More than this is given back once it has left.
constexpr std::size_t waiting_bytes_kept = 1 << 20;

std::size_t bytes_of(std::span<const Part> parts) {
    std::size_t bytes = 0;
    for (const Part& part : parts) bytes += part.bytes();
    return bytes;
}

}  // namespace

void Outflow::add(const HostFrame& frame, std::span<const Part> parts) {
    // What has left is let go of when it is the larger part: each byte moves once on average.
    if (sent_ > waiting_.size() / 2) {
        waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(sent_));
        sent_ = 0;
    }
    const HostFrameBytes head = encode_host_frame(frame);
    const std::size_t before = waiting_.size();
    waiting_.resize(before + head.size() + bytes_of(parts));
    std::copy(head.begin(), head.end(), waiting_.begin() + static_cast<std::ptrdiff_t>(before));
    gather(parts, reinterpret_cast<std::byte*>(waiting_.data() + before + head.size()));
}

void Outflow::send(SecureStream& stream, const HostFrame& frame, std::span<const Part> parts) {
    const bool is_plain = std::none_of(parts.begin(), parts.end(), is_strided);
    if (!is_empty() || stream.has_unsent() || !is_plain || parts.size() >= views_max)
        return add(frame, parts);
    const HostFrameBytes head = encode_host_frame(frame);
    std::array<iovec, views_max + 1> views;
    std::size_t count = 0;
    views[count++] = {const_cast<std::uint8_t*>(head.data()), head.size()};
    for (const Part& part : parts)
        if (part.count != 0) views[count++] = {part.data, part.bytes()};
    std::size_t written = stream.try_write({views.data(), count});
    for (const iovec& view : std::span(views.data(), count)) {
        const std::size_t skipped = std::min(written, view.iov_len);
        written -= skipped;
        const auto* const from = static_cast<const std::uint8_t*>(view.iov_base);
        waiting_.insert(waiting_.end(), from + skipped, from + view.iov_len);
    }
}

void Outflow::add_body(std::uint64_t number, std::span<const Part> parts, std::uint64_t bytes) {
    bodies_.push_back({number, PartsSource(parts), bytes});
}

void Outflow::clear() {
    *this = Outflow();
}

void Outflow::written_waiting(std::size_t bytes) {
    sent_ += bytes;
    if (sent_ < waiting_.size()) return;
    sent_ = 0;
    if (waiting_.capacity() > waiting_bytes_kept) waiting_ = {};
    waiting_.clear();
}

void Outflow::written_piece(std::size_t bytes) {
    if (bytes == 0) return;
    is_in_piece_ = true;
    const std::size_t of_lead = std::min(bytes, lead_.size() - lead_sent_);
    lead_sent_ += of_lead;
    bytes -= of_lead;
    Body& body = bodies_.front();
    body.source.advance(bytes);
    body.left -= bytes;
    piece_left_ -= bytes;
    if (lead_sent_ < lead_.size() || piece_left_ != 0) return;
    is_in_piece_ = false;
    if (body.left == 0)
        finished_ = body.number;
    else if (bodies_.size() > 1)
        bodies_.push_back(std::move(body));
    else
        return;
    bodies_.pop_front();
}

// What waits, and the next piece behind it; how many bytes have left.
std::size_t Outflow::write(SecureStream& stream) {
    std::array<iovec, views_max + 2> views;
    std::size_t count = 0;
    std::size_t waiting_bytes = 0;
    if (!is_in_piece_ && !waiting_.empty()) {
        waiting_bytes = waiting_.size() - sent_;
        views[count++] = {waiting_.data() + sent_, waiting_bytes};
    }
    if (!bodies_.empty()) {
        Body& body = bodies_.front();
        if (!is_in_piece_) {
            piece_left_ = std::min<std::uint64_t>(body.left, host_piece_bytes_max);
            lead_ = encode_host_frame(
                {.kind = HostFrameKind::body, .number = body.number, .bytes = piece_left_});
            lead_sent_ = 0;
        }
        if (lead_sent_ < lead_.size())
            views[count++] = {lead_.data() + lead_sent_, lead_.size() - lead_sent_};
        const std::size_t first = count;
        count += body.source.look({views.data() + count, views_max});
        std::size_t room = piece_left_;
        for (std::size_t i = first; i < count; ++i) {
            views[i].iov_len = std::min(views[i].iov_len, room);
            room -= views[i].iov_len;
        }
    }
    const std::size_t written = stream.try_write({views.data(), count});
    const std::size_t of_waiting = std::min(written, waiting_bytes);
    if (of_waiting != 0) written_waiting(of_waiting);
    written_piece(written - of_waiting);
    return written;
}

}  // namespace ipcrun
