// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The side channel of two ends in one process: objects in memory of its own.

#include "runtime/connection/side_channel.hpp"

namespace ipcrun {

class ProcessChannel final : public SideChannel {
  public:
    /// Two that belong together.
    static std::pair<std::unique_ptr<ProcessChannel>, std::unique_ptr<ProcessChannel>> create();
    ~ProcessChannel() override;

    void send_memory(const std::shared_ptr<NodeMemory>& memory, int control_fd,
                     Deadline deadline) override;
    std::shared_ptr<NodeMemory> receive_memory(Deadline deadline) override;
    void watch(LoopThread& thread, OnEnd on_end) override;
    void unwatch() override;
    void close() noexcept override;

  private:
    struct Shared;
    ProcessChannel(std::shared_ptr<Shared> shared, int side);

    std::shared_ptr<Shared> shared_;  // both ends have it
    int side_;
};

/// What one end of a link within a process begins with.
struct ProcessEnd {
    std::shared_ptr<NodeMemory> memory;  ///< the same for both ends
    int rank = 0;
    std::unique_ptr<SideChannel> side;
};

}  // namespace ipcrun
