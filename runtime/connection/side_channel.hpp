// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What the two ends of a connection have beside their link: a way to hand memory over, and news of
/// each other's end.

#include <functional>
#include <memory>
#include <string_view>

#include "base/deadline.hpp"
#include "runtime/node_memory.hpp"

namespace ipcrun {

class LoopThread;

/// What of a peer has ended: its end of the connection, or the process that had it.
enum class PeerEnd { connection, process };

class SideChannel {
  public:
    /// Gets how the peer ended, for the text of errors: "its process (pid 812) has ended". Told
    /// without taking memory: there may be none, and who waits has to hear of it.
    using OnEnd = std::function<void(PeerEnd what, std::string_view how)>;

    virtual ~SideChannel() = default;

    /// Shares `memory`, whose control segment is `control_fd`, with the peer. One thread at a time.
    /// Throws Error: system, timeout, peer_lost, usage (over sockets nothing can be shared).
    virtual void send_memory(const std::shared_ptr<NodeMemory>& memory, int control_fd,
                             Deadline deadline) = 0;
    /// What the peer shares, in that order: the same object where both are in one process. One
    /// thread at a time. Throws as above, and protocol.
    virtual std::shared_ptr<NodeMemory> receive_memory(Deadline deadline) = 0;

    /// In the loop's thread, once: from now on, until unwatch(), `on_end` is called there when the
    /// peer has ended, also when it has already: once for its end of the connection, then once for
    /// its process, where that can be seen; or for its process alone.
    virtual void watch(LoopThread& thread, OnEnd on_end) = 0;
    /// In the loop's thread; idempotent. From now on the socket of a link is not touched.
    virtual void unwatch() = 0;

    /// Lets the peer learn that this end is no more. Any thread; idempotent.
    virtual void close() noexcept = 0;
    /// After unwatch(), when no call will come but close(): closes its descriptors, too.
    virtual void release() noexcept { close(); }
};

}  // namespace ipcrun
