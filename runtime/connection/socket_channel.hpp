// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The side channel of two ends that share nothing but a socket: news of its end, no memory.

#include <mutex>

#include "base/event_loop.hpp"
#include "runtime/connection/side_channel.hpp"

namespace ipcrun {

class SocketChannel final : public SideChannel {
  public:
    /// The link's socket: borrowed.
    explicit SocketChannel(int fd) : fd_(fd) {}

    void send_memory(const std::shared_ptr<NodeMemory>& memory, int control_fd,
                     Deadline deadline) override;
    std::shared_ptr<NodeMemory> receive_memory(Deadline deadline) override;
    void watch(LoopThread& thread, OnEnd on_end) override;
    void unwatch() override;
    void close() noexcept override;

  private:
    void look_later(EventLoop& loop);
    void tell_end(const char* how);

    std::mutex mutex_;  // guards fd_
    int fd_;            // -1 once it is not to be touched
    OnEnd on_end_;
    FdWatch hang_up_;
    Timer look_;
};

}  // namespace ipcrun
