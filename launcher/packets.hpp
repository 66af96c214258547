// SPDX-License-Identifier: Apache-2.0
#pragma once
/// One end of a packet socket in an event loop.

#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/event_loop.hpp"
#include "base/socket.hpp"

namespace ipcrun {

/// Sending queues and never blocks. What is queued is bounded by what the peer has asked for.
class PacketStream {
  public:
    struct Callbacks {
        std::function<void(Packet&)> packet;  ///< each that arrives
        std::function<void()> closed;         ///< the peer is gone; once
    };

    PacketStream(EventLoop& loop, UniqueFd socket, Callbacks callbacks);

    /// With copies of `fds`, which may be closed when this returns.
    void send(const Bytes& bytes, std::span<const int> fds = {});
    /// Ends the connection; nothing is called back any more.
    void close();

  private:
    struct Queued {
        Bytes bytes;
        std::vector<UniqueFd> fds;
    };

    void on_ready();
    void flush();
    bool send_now(const Bytes& bytes, std::span<const int> fds);

    EventLoop& loop_;
    UniqueFd socket_;
    // Kept for the descriptor that comes with a packet: with none left it, and the packet, would be
    // lost.
    UniqueFd spare_;
    Callbacks callbacks_;
    std::deque<Queued> queue_;
    Packet packet_;
    FdWatch watch_;
};

}  // namespace ipcrun
