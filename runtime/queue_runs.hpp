// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Which bytes of a shared queue's data are free: a table in its memory, of bounded length, used
/// with the lock held. A book: what slots do not have is free, so it can be made anew.

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/wire/queue_memory.hpp"

namespace ipcrun {

class QueueRuns {
  public:
    struct Room {
        std::uint64_t offset;
        std::uint64_t bytes;
    };

    explicit QueueRuns(const QueueMemory& memory) : memory_(memory) {}

    /// What an item of `bytes` takes.
    static std::uint64_t room_for(std::uint64_t bytes) { return (bytes + 63) / 64 * 64; }

    /// Takes the smallest run that fits, warm ones before cold ones, and those before bytes that
    /// were never used. Nullopt when nothing fits.
    std::optional<std::uint64_t> take(std::uint64_t bytes);
    /// `is_warm`: its pages are held. Where the table is full the smallest run is dropped from it.
    void give_back(const Room& room, bool is_warm);
    /// Takes up to `bytes` of the largest warm run.
    std::optional<Room> take_warm(std::uint64_t bytes);
    /// All that is not in `used` is free.
    void make_anew(std::vector<Room> used);

    /// So much has been dropped that making all anew is worth it.
    bool is_worn() const;

  private:
    QueueRun* begin() const;
    void erase(QueueRun* run);
    void insert(QueueRun* before, const QueueRun& run);
    void drop_smallest();
    void take_from(QueueRun& run, std::uint64_t bytes);
    std::uint64_t top() const;
    QueueHeader& header() const { return memory_.header(); }

    const QueueMemory& memory_;
};

}  // namespace ipcrun
