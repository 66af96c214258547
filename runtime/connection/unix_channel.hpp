// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The side channel of two processes of one host: a Unix socket, in which descriptors can travel,
/// and which the kernel closes once a process that ends touches no memory any more.

#include <mutex>
#include <span>
#include <vector>

#include "base/event_loop.hpp"
#include "base/unique_fd.hpp"
#include "runtime/connection/side_channel.hpp"

namespace ipcrun {

class UnixChannel final : public SideChannel {
  public:
    /// A connected stream socket, on which everything that was sent has been received.
    explicit UnixChannel(UniqueFd socket);

    /// Hands descriptors over, as one message. Throws Error: system, peer_lost, timeout.
    void send_fds(std::span<const int> fds, Deadline deadline);
    /// Those of the next message. Throws as above, and protocol when they are not `count`.
    std::vector<UniqueFd> receive_fds(std::size_t count, Deadline deadline);

    void send_memory(const std::shared_ptr<NodeMemory>& memory, int control_fd,
                     Deadline deadline) override;
    std::shared_ptr<NodeMemory> receive_memory(Deadline deadline) override;
    void watch(LoopThread& thread, OnEnd on_end) override;
    void unwatch() override;
    void close() noexcept override;
    void release() noexcept override;

  private:
    void tell_end(PeerEnd what);

    std::mutex mutex_;  // of socket_, between close() and release()
    UniqueFd socket_;
    // A child that the peer has forked may keep its socket open. Empty where the peer's pid cannot
    // be seen.
    UniqueFd process_;
    std::string how_ended_;
    FdWatch hang_up_, death_;
    OnEnd on_end_;
};

/// The user at the other end of a Unix socket, and its process; pid 0: not of this pid namespace.
struct PeerIdentity {
    uid_t uid;
    pid_t pid;
};
PeerIdentity peer_identity(int fd);

}  // namespace ipcrun
