// SPDX-License-Identifier: Apache-2.0
#include "runtime/hosts/inflow.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace ipcrun {

static_assert(host_frame_bytes + host_eager_bytes_max <= (128 << 10));

Inflow::Inflow() : buffer_(new std::byte[buffer_bytes]) {}

bool Inflow::advance(SecureStream& stream, Listener& listener) {
    std::size_t bytes = 0;
    do {
        const std::size_t count = read(stream, listener);
        if (count == 0) break;
        bytes += count;
        parse(listener);
        // What was opened of an encrypted stream does not show as readable.
    } while (stream.has_read_ahead() || (!is_drained_ && bytes < advance_bytes_max));
    return bytes != 0;
}

std::size_t Inflow::read(SecureStream& stream, Listener& listener) {
    if (begin_ != 0) {
        std::memmove(buffer_.get(), buffer_.get() + begin_, buffered());
        end_ -= begin_;
        begin_ = 0;
    }
    constexpr std::size_t views_max = 64;
    std::array<iovec, views_max + 1> views;
    std::size_t count = 0, of_piece = 0, room = buffer_bytes - end_;
    if (piece_left_ != 0) {
        count = listener.look(piece_number_, {views.data(), views_max});
        for (std::size_t i = 0; i < count; ++i) {
            views[i].iov_len = std::min(views[i].iov_len, piece_left_ - of_piece);
            of_piece += views[i].iov_len;
        }
        if (count != 0) room = std::min(room, behind_bytes);
    }
    if (room != 0) views[count++] = {buffer_.get() + end_, room};
    const std::size_t bytes = stream.try_read({views.data(), count});
    is_drained_ = bytes < of_piece + room;
    const std::size_t came = std::min(bytes, of_piece);
    if (came != 0) {
        piece_left_ -= came;
        listener.advance(piece_number_, came);
    }
    end_ += bytes - came;
    return bytes;
}

void Inflow::parse(Listener& listener) {
    for (;;) {
        const std::byte* const at = buffer_.get() + begin_;
        if (piece_left_ != 0) {
            const std::size_t bytes = std::min(buffered(), piece_left_);
            if (bytes == 0) return;
            begin_ += bytes;
            piece_left_ -= bytes;
            listener.put(piece_number_, {at, bytes});
            continue;
        }
        if (buffered() < host_frame_bytes) return;
        const HostFrame frame = decode_host_frame(std::span<const std::uint8_t, host_frame_bytes>(
            reinterpret_cast<const std::uint8_t*>(at), host_frame_bytes));
        if (frame.kind == HostFrameKind::body) {
            begin_ += host_frame_bytes;
            listener.begin_piece(frame);
            piece_number_ = frame.number;
            piece_left_ = frame.bytes;
            continue;
        }
        const std::size_t body = brings_body(frame.kind) ? frame.bytes : 0;
        if (buffered() < host_frame_bytes + body) return;
        begin_ += host_frame_bytes + body;
        listener.hear(frame, {at + host_frame_bytes, body});
    }
}

}  // namespace ipcrun
