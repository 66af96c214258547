// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Who has a shared queue: the table in its memory.

#include <cstdint>
#include <optional>
#include <vector>

#include "base/process_identity.hpp"
#include "runtime/wire/queue_memory.hpp"

namespace ipcrun {

class QueueParticipants {
  public:
    QueueParticipants(const QueueMemory& memory, const ProcessIdentity& own)
        : memory_(memory), own_(own) {}

    /// With the lock: a number for an attachment of this process. Nullopt when the table is full.
    std::optional<std::uint32_t> enter();
    /// With the lock, or for one's own: the number is free, and must own nothing.
    void clear(std::uint32_t number);

    /// By number: is there somebody who lives, as far as can be known? Costs some 15 us for each of
    /// another process.
    std::vector<bool> find_alive() const;
    /// Is there somebody in the table who is not `alive`?
    bool has_dead(const std::vector<bool>& alive) const;
    /// Is anybody in the table who is not of this process?
    bool has_others() const;
    /// With the lock: those who are not `alive` are taken out, and the last is noted as lost.
    void bury(const std::vector<bool>& alive);

  private:
    std::uint32_t count() const;
    ProcessIdentity identity(const QueueParticipant& participant) const;

    const QueueMemory& memory_;
    ProcessIdentity own_;
};

}  // namespace ipcrun
