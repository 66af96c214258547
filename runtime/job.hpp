// SPDX-License-Identifier: Apache-2.0
#pragma once
/// This process's part in a job: joins it through the agent, holds its memory and its world.

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "runtime/communicator.hpp"

namespace ipcrun {

class Heap;
class SharedQueue;

class Job {
  public:
    /// Where this process stands in its job.
    struct Place {
        int rank = 0;        ///< its number among all ranks, from 0
        int size = 1;        ///< ranks in the job
        int node = 0;        ///< its host among those of the job, from 0
        int local_rank = 0;  ///< its number among the ranks on its host, from 0
        int local_size = 1;  ///< ranks on its host
    };

    /// Joins the job that the environment names (IPCRUN_RANK and so on: see ipcrun-env(7)). Without
    /// one: the world of all that another launcher started beside this process (a step of srun: see
    /// ipcrun-slurm(7)), which sets the variables of its place; blocks until all have called this,
    /// IPCRUN_JOIN_TIMEOUT seconds at most. Without others, and in a program that a rank started,
    /// which has no socket to the agent: a world of this process alone.
    ///
    /// A process joins once. Blocks for one exchange with the agent, 30 s at most. Throws Error:
    /// config (the environment makes no sense, or the others cannot be found), timeout, or usage
    /// (the agent refuses: another process of this rank has joined). With IPCRUN_PEER_ACCESS=0
    /// private memory of this rank's peers is not reached through the kernel, nor is its own.
    /// `find_ipcrun` gives the path of the program ipcrun, where others have to be found; without
    /// it that is the one that was installed with this library, or the first in PATH.
    static std::shared_ptr<Job> join(const std::function<std::string()>& find_ipcrun = {});

    Job(const Job&) = delete;
    /// Leaves the job: peers that still wait for this rank get an error. In a child after fork()
    /// it does nothing. Storage of its heap outlives it; communicators of its world must not.
    ~Job();

    const Place& place() const;
    /// Without a launcher there is nobody to share memory with.
    bool is_alone() const;
    /// What all processes of this job know, and nobody else; nullopt when alone.
    std::optional<std::array<std::uint8_t, 32>> secret() const;
    /// All ranks. Used by one thread at a time.
    Communicator& world();
    /// All ranks again, for messages that are not the world's: those of Lua's `parallel`. No
    /// collective operation may be called. A member that has ended, however it did, is missed only
    /// by those who wait for it or send to it. Made at the first call; used by one thread at a
    /// time.
    Communicator& messages();
    /// The memory that peers can reach, for Storage::create; 1 GiB of addresses when alone.
    const std::shared_ptr<Heap>& heap() const;

    /// The queue of that name, which all ranks share that ask for it: made at the first call, with
    /// that capacity (items that may wait; 0: no limit), and kept until the job ends, so that items
    /// of a rank that has ended can still be read. Each call has a part in it of its own. Any
    /// thread; blocks for one exchange with the agent, 30 s at most. Throws Error: usage (no name
    /// of 1 to 255 bytes, another capacity than at the first call, more than 1,024 queues; or this
    /// process is alone, or a child after fork()), timeout, peer_lost (the agent has ended).
    ///
    /// In a job of several hosts the queue is on the host of rank 0, whose process serves the other
    /// hosts: there a call is an exchange with it, and peer_lost names rank 0 when that has ended.
    std::shared_ptr<SharedQueue> open_queue(const std::string& name, std::uint64_t capacity);
    /// This rank has come to a good end, as others may not have: from now on the destructor of rank
    /// 0 serves the queues, if any were opened, until all ranks on other hosts have ended. Nothing
    /// on other ranks.
    void serve_queues_to_the_end();

    /// Names bytes of the shared heap, anybody's, for the other ranks of this node; nullopt for
    /// memory elsewhere.
    struct MemoryName {
        std::uint64_t words[2];
    };
    std::optional<MemoryName> name_memory(const void* data, std::size_t bytes) const;
    /// The bytes that a rank of this node named. Whether they are still in use is between the two.
    /// Throws Error{protocol} for what is no such name.
    std::byte* find_memory(const MemoryName& name, std::size_t bytes) const;

  private:
    struct Impl;
    explicit Job(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace ipcrun
