// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Messages over a stream of bytes: each is preceded by its length, four bytes, little-endian.

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>

#include "base/bytes.hpp"
#include "base/event_loop.hpp"
#include "base/unique_fd.hpp"

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

/// One end of a stream socket, in an event loop. Sending queues and never blocks.
class FrameStream {
  public:
    struct Callbacks {
        std::function<void(std::span<const std::uint8_t>)> frame;  ///< each frame that arrives
        std::function<void()> closed;                              ///< the peer is gone; once
    };

    FrameStream(EventLoop& loop, UniqueFd socket, Callbacks callbacks);

    /// Queues a frame; it is written in the next turn of the loop, together with its neighbours.
    void send(const Bytes& payload);
    /// Writes what the socket takes now; true when nothing is left.
    bool flush();
    bool is_open() const { return socket_.get() >= 0; }
    /// Ends the connection; nothing is called back any more.
    void close();

  private:
    void on_ready();
    void read();
    void lose_peer();

    EventLoop& loop_;
    UniqueFd socket_;
    Callbacks callbacks_;
    FrameReader reader_;
    Bytes queue_;
    std::size_t written_ = 0;  // of queue_
    FdWatch watch_;
};

}  // namespace ipcrun
