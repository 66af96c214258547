// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A communicator of processes, or threads, that met by connections and can share memory: as that
/// of a job, with no launcher.

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "runtime/communicator.hpp"
#include "runtime/connection/connection.hpp"
#include "runtime/job.hpp"

namespace ipcrun {

class Heap;

/// Members are numbered 0 (the founder) to n - 1: 1,000 at most, several of them threads of one
/// process if they wish. The end of a member's process, or of its connection with the founder, is a
/// lost member to all; so is the founder's. Used by one thread at a time. The connections may be
/// used beside it and dropped (they live on in here), but not closed while an operation is under
/// way, for who closes is taken to have left.
///
/// Who gives up an operation waits until no living member touches its memory. One that was stopped
/// (SIGSTOP, a debugger) in the middle of a copy holds up the others, beyond their deadlines, until
/// it goes on or ends: nobody here may end a process that it has not started.
class SharedGroup {
  public:
    /// Can it be made over this connection? By its link; both ends say the same.
    static bool is_possible(const Connection& connection);

    /// The founder's part: `others[i]` becomes number i + 1. Makes the memory and hands it out.
    /// Blocks until all have it. Throws what Link throws, and Error{system}. After an error it
    /// can be tried again over the connections that are there still: what is left of the attempts
    /// before is known for that by all.
    static std::unique_ptr<SharedGroup> found(std::span<const std::shared_ptr<Connection>> others,
                                              Deadline deadline);
    /// The part of the others, on their connection with the founder: throws when the attempt that
    /// it takes part in fails, and what was said of those before is passed over.
    static std::unique_ptr<SharedGroup> join(const std::shared_ptr<Connection>& founder,
                                             Deadline deadline);

    /// Leaves: members that still need this one get peer_lost. Not collective. When the founder
    /// leaves, ends of others are not noticed any more: what was split off should be dropped, too.
    ~SharedGroup();
    SharedGroup(const SharedGroup&) = delete;

    /// Has what is under way here, and whatever comes after it, end with peer_lost; to the others
    /// this member has left. Of the whole group, not of what was split off. Any thread.
    void interrupt();

    Communicator& communicator();
    /// Memory of this member that all others can reach.
    const std::shared_ptr<Heap>& heap() const;

    /// As those of Job, which see.
    std::optional<Job::MemoryName> name_memory(const void* data, std::size_t bytes) const;
    std::byte* find_memory(const Job::MemoryName& name, std::size_t bytes) const;

  private:
    struct Impl;
    explicit SharedGroup(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace ipcrun
