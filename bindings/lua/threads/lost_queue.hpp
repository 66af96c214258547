// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What is under a channel that could not be opened, since the process that sent it has ended or
/// let go of it: the rest of the message comes all the same.

#include "bindings/lua/threads/item_queue.hpp"

namespace ipcrun::lua {

/// Whatever needs the queue throws Error{peer_lost}. It is said to be open and empty.
class LostQueue final : public ItemQueue {
  public:
    /// `why`: for people.
    explicit LostQueue(std::string why) : why_(std::move(why)) {}

    QueueOutcome try_write(std::span<Item>, std::size_t&) override { fail_lost(); }
    QueueOutcome try_read(Item&, QueueStatus&) override { fail_lost(); }
    void close() override {}
    QueueStatus status() const override { return QueueStatus::open; }
    std::uint64_t items() const override { return 0; }
    std::uint64_t capacity() const override { return 0; }
    Bell& readable() override { return bell_; }
    Bell& writable() override { return bell_; }
    void ring_all() override {}
    bool is_private() const override { return false; }
    std::string describe() const override { fail_lost(); }

  private:
    [[noreturn]] void fail_lost() const;

    std::string why_;
    Bell bell_ = {};
};

}  // namespace ipcrun::lua
