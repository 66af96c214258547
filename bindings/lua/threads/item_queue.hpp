// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What is under a channel: a queue of items, whoever can reach it.

#include <cstdint>
#include <span>
#include <string>

#include "bindings/lua/ipc/item.hpp"
#include "runtime/queue.hpp"

namespace ipcrun::lua {

class ItemQueue {
  public:
    ItemQueue() = default;
    ItemQueue(const ItemQueue&) = delete;
    virtual ~ItemQueue() = default;

    /// Makes an item of a value, and a value of an item, which is empty then. Both may raise; see
    /// pack_item() and push_taken(). A queue whose readers live in other processes has its own.
    virtual void pack(lua_State* lua, int index, Closures closures, const char* operation,
                      Item& item) const {
        pack_item(lua, index, closures, operation, item);
    }
    virtual void push(lua_State* lua, Item& item, const char* operation) const {
        push_taken(lua, item, operation);
    }
    /// Whether a small value needs no pack() and push().
    virtual bool takes_small_values() const { return true; }

    /// As those of Queue.
    virtual QueueOutcome try_write(std::span<Item> items, std::size_t& written) = 0;
    virtual QueueOutcome try_read(Item& item, QueueStatus& after) = 0;
    virtual void close() = 0;
    virtual QueueStatus status() const = 0;
    virtual std::uint64_t items() const = 0;
    virtual std::uint64_t capacity() const = 0;
    virtual Bell& readable() = 0;
    virtual Bell& writable() = 0;
    virtual void ring_all() = 0;
    /// Where threads that wait are counted: see Queue.
    /// Asked by who waits: as those of SharedQueue.
    virtual bool may_write() const { return true; }
    virtual bool may_read() const { return true; }
    virtual void reader_looks() {}
    virtual void reader_leaves() {}
    virtual void writer_looks() {}
    virtual void writer_leaves() {}

    /// Whether no other process can have it.
    virtual bool is_local() const { return true; }
    /// Whether everybody who can reach it is counted as a holder of the object that it belongs to.
    virtual bool is_private() const { return true; }
    /// Asked now and then by those who wait for one that is not local: can nobody else ever write
    /// or read it? `is_only_holder`: in this process nobody can; `has_relatives`: see
    /// relatives.hpp.
    virtual bool is_abandoned(bool is_only_holder, bool has_relatives) {
        (void)is_only_holder, (void)has_relatives;
        return false;
    }
    /// What is said of that to people.
    virtual std::string why_abandoned() const { return {}; }
    /// As SharedObject::describe.
    virtual std::string describe() const { return {}; }
};

/// Between threads of one process.
class LocalQueue final : public ItemQueue {
  public:
    /// `capacity`: how many items may wait in it; 0: any number.
    explicit LocalQueue(std::uint64_t capacity) : queue_(capacity) {}

    QueueOutcome try_write(std::span<Item> items, std::size_t& written) override {
        return queue_.try_write(items, written);
    }
    QueueOutcome try_read(Item& item, QueueStatus& after) override {
        return queue_.try_read(item, after);
    }
    void close() override { queue_.close(); }
    QueueStatus status() const override { return queue_.status(); }
    std::uint64_t items() const override { return queue_.items(); }
    std::uint64_t capacity() const override { return queue_.capacity(); }
    Bell& readable() override { return queue_.readable(); }
    Bell& writable() override { return queue_.writable(); }
    void ring_all() override { queue_.ring_all(); }
    void reader_looks() override { queue_.reader_looks(); }
    void reader_leaves() override { queue_.reader_leaves(); }
    void writer_looks() override { queue_.writer_looks(); }
    void writer_leaves() override { queue_.writer_leaves(); }

  private:
    Queue<Item> queue_;
};

}  // namespace ipcrun::lua
