// SPDX-License-Identifier: Apache-2.0
#pragma once
/// ipc.channel: items from any threads to any threads, first in first out, closable.

#include <lua.hpp>
#include <memory>

#include "bindings/lua/ipc/handle.hpp"
#include "bindings/lua/threads/item_source.hpp"

namespace ipcrun::lua {

constexpr const char* channel_type = "ipc.channel";

class Channel final : public SharedObject, public ItemSource {
  public:
    explicit Channel(std::unique_ptr<ItemQueue> queue) : queue_(std::move(queue)) {}

    const char* type_name() const override { return channel_type; }
    std::string describe() const override { return queue_->describe(); }
    /// Of a queue that other processes reach, nobody can tell that.
    void on_lonely() override {
        if (queue_->is_local()) queue_->ring_all();
    }

    ItemQueue& queue() { return *queue_; }

    ItemQueue& inlet(const Courier&) override { return *queue_; }
    QueueOutcome try_take(const Courier&, Item& item, QueueStatus& after) override {
        return queue_->try_read(item, after);
    }
    /// Nobody else can write or read it: it makes no sense to wait.
    bool is_lonely() const { return queue_->is_private() && holders() <= 1; }
    bool is_hopeless(const Courier&) override { return is_lonely(); }
    bool is_abandoned(const Context& shared);
    bool is_abandoned(const Courier& reader) override { return is_abandoned(*reader.shared); }
    [[noreturn]] void give_up(const char* operation) override;

  private:
    std::unique_ptr<ItemQueue> queue_;
};

/// Puts `channel` into the table at `ipc`. May raise.
void register_channel(lua_State* lua, int ipc);

}  // namespace ipcrun::lua
