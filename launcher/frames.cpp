// SPDX-License-Identifier: Apache-2.0
#include "launcher/frames.hpp"

#include <fcntl.h>
#include <unistd.h>

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

// An event loop watches a descriptor once.
StreamEnds both_ways(UniqueFd socket) {
    UniqueFd again(check_syscall(::fcntl(socket.get(), F_DUPFD_CLOEXEC, 0),
                                 "open both directions of a stream"));
    return {std::move(again), std::move(socket)};
}

FrameStream::FrameStream(EventLoop& loop, StreamEnds ends, Callbacks callbacks)
    : loop_(loop),
      in_(std::move(ends.in)),
      out_(std::move(ends.out)),
      callbacks_(std::move(callbacks)) {
    set_nonblocking(in_.get());
    set_nonblocking(out_.get());
    readable_ = loop_.on_readable(in_.get(), [this] { read(); });
    // What is left over is written when there is room again.
    writable_ = loop_.on_writable(out_.get(), [this] { (void)flush(); });
    loop_.pause(writable_);
}

void FrameStream::send(const Bytes& payload) {
    check(payload.size() <= frame_bytes_max, "a frame is too long to be sent");
    if (!is_open()) return;  // `closed` has been called: nobody is there to read it
    // There may always be something left, for as long as the job runs.
    if (written_ > queue_.size() / 2) {
        queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(written_));
        written_ = 0;
    }
    const auto length = static_cast<std::uint32_t>(payload.size());
    const auto* head = reinterpret_cast<const std::uint8_t*>(&length);
    queue_.insert(queue_.end(), head, head + sizeof length);
    queue_.insert(queue_.end(), payload.begin(), payload.end());
    loop_.resume(writable_);
}

bool FrameStream::flush() {
    while (is_open() && written_ < queue_.size()) {
        const ssize_t sent =
            ::write(out_.get(), queue_.data() + written_, queue_.size() - written_);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) return false;
        // A peer that is gone is met by the reading side, after what it still had to say.
        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) break;
        written_ += static_cast<std::size_t>(check_syscall(sent, "send to the other side"));
    }
    queue_.clear();
    written_ = 0;
    loop_.pause(writable_);
    return true;
}

void FrameStream::close() {
    readable_.reset();
    writable_.reset();
    in_.reset();
    out_.reset();
}

void FrameStream::read() {
    static_assert(read_bytes <= frame_bytes_max);
    std::vector<std::uint8_t> bytes(read_bytes);  // not on the stack, which may be small
    const ssize_t received = ::read(in_.get(), bytes.data(), bytes.size());
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (received == 0 || (received < 0 && errno == ECONNRESET)) return lose_peer();
    check_syscall(received, "receive from the other side");
    take(std::span(bytes).first(static_cast<std::size_t>(received)));
}

void FrameStream::take(std::span<const std::uint8_t> bytes) {
    Bytes after_prologue;
    if (callbacks_.prologue) {
        auto rest = callbacks_.prologue(bytes);
        if (!rest) return;
        after_prologue = std::move(*rest);
        bytes = after_prologue;
        callbacks_.prologue = nullptr;
    }
    reader_.feed(bytes);
    while (is_open()) {
        const auto frame = next_frame();
        if (!frame) return;
        callbacks_.frame(*frame);
    }
}

std::optional<std::span<const std::uint8_t>> FrameStream::next_frame() {
    try {
        return reader_.next();
    } catch (const Error& error) {
        if (!callbacks_.malformed) throw;
        callbacks_.malformed(error);
        return std::nullopt;
    }
}

void FrameStream::lose_peer() {
    close();
    callbacks_.closed();
}

}  // namespace ipcrun
