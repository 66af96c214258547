// SPDX-License-Identifier: Apache-2.0
#pragma once
/// This process's part in a job: joins it through the agent, holds its memory and its world.

#include <unistd.h>

#include <memory>

#include "runtime/communicator.hpp"
#include "runtime/heap.hpp"
#include "runtime/wire/rank_environment.hpp"

namespace ipcrun {

class Job {
  public:
    /// Joins the job that the environment names (IPCRUN_RANK and so on: see ipcrun(1)). Without
    /// one, and in a program that a rank started, which has no socket to the agent: a world of this
    /// process alone. A process joins once. Blocks for one exchange with the agent, 30 s at most.
    /// Throws Error: config (the environment makes no sense), timeout, or usage (the agent refuses:
    /// another process of this rank has joined). With IPCRUN_PEER_ACCESS=0 private memory of this
    /// rank's peers is not reached through the kernel, nor is its own.
    static std::shared_ptr<Job> join();

    Job(const Job&) = delete;
    /// Leaves the job: peers that still wait for this rank get an error. In a child after fork()
    /// it does nothing.
    ~Job();

    const RankEnvironment& place() const { return place_; }
    /// Without a launcher there is nobody to share memory with.
    bool is_alone() const { return control_fd_ < 0; }
    /// All ranks. Used by one thread at a time.
    Communicator& world() { return *world_; }
    const std::shared_ptr<Heap>& heap() const { return heap_; }

  private:
    explicit Job(RankEnvironment place) : place_(place) {}

    RankEnvironment place_;
    int control_fd_ =
        -1;  // inherited and borrowed: the environment names it to all of this process
    const pid_t pid_ = ::getpid();
    std::shared_ptr<Heap> heap_;
    std::unique_ptr<Communicator> world_;
};

}  // namespace ipcrun
