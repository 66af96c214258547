// SPDX-License-Identifier: Apache-2.0
#include "launcher/frames.hpp"

#include <sys/socket.h>

#include <cstring>
#include <vector>

#include "base/fail.hpp"
#include "base/socket.hpp"
#include "launcher/agent_protocol.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t read_bytes = 256 * 1024;

}  // namespace

void FrameReader::feed(std::span<const std::uint8_t> bytes) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(begin_));
    begin_ = 0;
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

std::optional<std::span<const std::uint8_t>> FrameReader::next() {
    const std::span<const std::uint8_t> rest = std::span(buffer_).subspan(begin_);
    std::uint32_t length;
    if (rest.size() < sizeof length) return std::nullopt;
    std::memcpy(&length, rest.data(), sizeof length);
    if (length > frame_bytes_max)
        fail(ErrorCode::protocol, "receive a frame: {} bytes is more than the limit of {}", length,
             frame_bytes_max);
    if (rest.size() - sizeof length < length) return std::nullopt;
    begin_ += sizeof length + length;
    return rest.subspan(sizeof length, length);
}

FrameStream::FrameStream(EventLoop& loop, UniqueFd socket, Callbacks callbacks)
    : loop_(loop), socket_(std::move(socket)), callbacks_(std::move(callbacks)) {
    set_nonblocking(socket_.get());
    watch_ = loop_.on_readable(socket_.get(), [this] { on_ready(); });
}

void FrameStream::send(const Bytes& payload) {
    check(payload.size() <= frame_bytes_max, "a frame is too long to be sent");
    if (!is_open()) return;  // `closed` has been called: nobody is there to read it
    const auto length = static_cast<std::uint32_t>(payload.size());
    const auto* head = reinterpret_cast<const std::uint8_t*>(&length);
    queue_.insert(queue_.end(), head, head + sizeof length);
    queue_.insert(queue_.end(), payload.begin(), payload.end());
    loop_.set_interest(watch_, true, true);
}

bool FrameStream::flush() {
    while (is_open() && written_ < queue_.size()) {
        const ssize_t sent =
            ::send(socket_.get(), queue_.data() + written_, queue_.size() - written_, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) return false;
        // A peer that is gone is met by the reading side, after what it still had to say.
        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) break;
        written_ += static_cast<std::size_t>(check_syscall(sent, "send to the other side"));
    }
    queue_.clear();
    written_ = 0;
    loop_.set_interest(watch_, true, false);
    return true;
}

void FrameStream::close() {
    watch_.reset();
    socket_.reset();
}

void FrameStream::on_ready() {
    (void)flush();  // what is left is written when the socket is ready again
    read();
}

void FrameStream::read() {
    static_assert(read_bytes <= frame_bytes_max);
    std::vector<std::uint8_t> bytes(read_bytes);  // not on the stack, which may be small
    const ssize_t received = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (received == 0 || (received < 0 && errno == ECONNRESET)) return lose_peer();
    check_syscall(received, "receive from the other side");
    reader_.feed(std::span(bytes).first(static_cast<std::size_t>(received)));
    while (is_open()) {
        const auto frame = reader_.next();
        if (!frame) return;
        callbacks_.frame(*frame);
    }
}

void FrameStream::lose_peer() {
    close();
    callbacks_.closed();
}

}  // namespace ipcrun
