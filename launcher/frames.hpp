// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Messages over a stream of bytes: each is preceded by its length, four bytes, little-endian.

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <variant>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/event_loop.hpp"
#include "base/unique_fd.hpp"
#include "runtime/stream/secure_stream.hpp"

namespace ipcrun {

/// Cuts a stream of bytes into frames. Pure.
class FrameReader {
  public:
    void feed(std::span<const std::uint8_t> bytes);
    /// The next whole frame, without its length; nullopt until more is fed. Valid until `feed`.
    /// Throws Error{protocol} when a length is beyond frame_bytes_max.
    std::optional<std::span<const std::uint8_t>> next();

  private:
    Bytes buffer_;
    std::size_t begin_ = 0;  // of what `next` has not given out
};

struct StreamEnds {
    UniqueFd in;
    UniqueFd out;
};
/// Of a socket.
StreamEnds both_ways(UniqueFd socket);

/// What frames go over: a socket, two pipes, or a stream that has proved who is at its other end.
using Connection = std::variant<StreamEnds, SecureStream>;

/// One end of a connection in an event loop. Sending queues and never blocks. The process must
/// ignore SIGPIPE.
class FrameStream {
  public:
    struct Callbacks {
        std::function<void(std::span<const std::uint8_t>)> frame;  ///< each frame that arrives
        std::function<void()> closed;                              ///< the peer is gone; once
        /// Gets what arrives before the first frame: what follows that, once it is there. Empty:
        /// the first byte belongs to a frame.
        std::function<std::optional<Bytes>(std::span<const std::uint8_t>)> prologue = {};
        /// Gets why what arrives is no frame, instead of whoever runs the loop.
        std::function<void(const Error&)> malformed = {};
    };

    FrameStream(EventLoop& loop, Connection connection, Callbacks callbacks);

    /// Queues a frame; it is written in the next turn of the loop, together with its neighbours.
    void send(const Bytes& payload);
    /// Writes what the socket takes now; true when nothing is left.
    bool flush();
    bool is_open() const { return in_ || secure_; }
    /// Ends the connection; nothing is called back any more.
    void close();

  private:
    void read();
    std::optional<std::size_t> read_some(std::span<std::uint8_t> room);
    std::size_t write_some(std::span<const std::uint8_t> bytes);
    void take(std::span<const std::uint8_t> bytes);
    std::optional<std::span<const std::uint8_t>> next_frame();
    void lose_peer();

    EventLoop& loop_;
    UniqueFd in_, out_;
    std::optional<SecureStream> secure_;  // there is no in_ then
    Callbacks callbacks_;
    FrameReader reader_;
    Bytes queue_;
    std::size_t written_ = 0;  // of queue_
    FdWatch readable_, writable_;
};

}  // namespace ipcrun
