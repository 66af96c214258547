// SPDX-License-Identifier: Apache-2.0
#include "launcher/frames.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "base/fail.hpp"
#include "base/socket.hpp"
#include "launcher/agent_protocol.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t read_bytes = 256 * 1024;

// An event loop watches a descriptor once.
UniqueFd duplicate(int fd) {
    return UniqueFd(
        check_syscall(::fcntl(fd, F_DUPFD_CLOEXEC, 0), "open both directions of a stream"));
}

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

StreamEnds both_ways(UniqueFd socket) {
    UniqueFd again = duplicate(socket.get());
    return {std::move(again), std::move(socket)};
}

FrameStream::FrameStream(EventLoop& loop, Connection connection, Callbacks callbacks)
    : loop_(loop), callbacks_(std::move(callbacks)) {
    if (auto* secure = std::get_if<SecureStream>(&connection)) {
        out_ = duplicate(secure->fd());
        secure_ = std::move(*secure);
    } else {
        auto& ends = std::get<StreamEnds>(connection);
        in_ = std::move(ends.in);
        out_ = std::move(ends.out);
        set_nonblocking(in_.get());
        set_nonblocking(out_.get());
    }
    readable_ = loop_.on_readable(secure_ ? secure_->fd() : in_.get(), [this] { read(); });
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
    try {
        while (is_open() && written_ < queue_.size()) {
            const std::size_t written = write_some(std::span(queue_).subspan(written_));
            if (written == 0) return false;
            written_ += written;
        }
        if (secure_ && !secure_->try_flush()) return false;
    } catch (const Error& error) {
        // A peer that is gone is met by the reading side, after what it still had to say.
        if (error.code != ErrorCode::peer_lost) throw;
    }
    queue_.clear();
    written_ = 0;
    loop_.pause(writable_);
    return true;
}

// How many bytes; 0: there is no room. Throws Error{peer_lost}.
std::size_t FrameStream::write_some(std::span<const std::uint8_t> bytes) {
    if (secure_) {
        const iovec buffer{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
        return secure_->try_write({&buffer, 1});
    }
    for (;;) {
        const ssize_t written = ::write(out_.get(), bytes.data(), bytes.size());
        if (written >= 0) return static_cast<std::size_t>(written);
        if (errno == EAGAIN) return 0;
        if (errno == EPIPE || errno == ECONNRESET)
            fail(ErrorCode::peer_lost, "the other side has closed the connection");
        if (errno != EINTR) fail_errno(errno, "send to the other side");
    }
}

void FrameStream::close() {
    readable_.reset();
    writable_.reset();
    in_.reset();
    out_.reset();
    secure_.reset();
}

void FrameStream::read() {
    static_assert(read_bytes <= frame_bytes_max);
    Bytes bytes(read_bytes);  // not on the stack, which may be small
    do {
        const auto count = read_some(bytes);
        if (!count) return lose_peer();
        if (*count == 0) return;
        take(std::span(bytes).first(*count));
        // What a stream has opened already is no event of its socket.
    } while (secure_ && secure_->has_read_ahead());
}

// How many bytes have come; 0: none now; nullopt: the peer is gone.
std::optional<std::size_t> FrameStream::read_some(std::span<std::uint8_t> room) {
    if (secure_) try {
            const iovec buffer{room.data(), room.size()};
            return secure_->try_read({&buffer, 1});
        } catch (const Error& error) {
            if (error.code == ErrorCode::peer_lost) return std::nullopt;
            if (error.code != ErrorCode::protocol || !callbacks_.malformed) throw;
            callbacks_.malformed(error);
            return 0;
        }
    const ssize_t received = ::read(in_.get(), room.data(), room.size());
    if (received > 0) return static_cast<std::size_t>(received);
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (received < 0 && errno != ECONNRESET) fail_errno(errno, "receive from the other side");
    return std::nullopt;
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
