// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/threads/shared_channel.hpp"

#include <cstdlib>
#include <cstring>

#include "base/fail.hpp"
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/ipc/parcel.hpp"
#include "bindings/lua/threads/channel.hpp"
#include "bindings/lua/threads/household.hpp"
#include "runtime/shared_queue.hpp"

namespace ipcrun::lua {

namespace {

QueueStatus status_of(SharedQueue::Status status) {
    switch (status) {
        case SharedQueue::Status::open:
            return QueueStatus::open;
        case SharedQueue::Status::closed:
            return QueueStatus::closed;
        case SharedQueue::Status::drained:
            return QueueStatus::drained;
    }
    return QueueStatus::drained;
}

QueueOutcome outcome_of(SharedQueue::Outcome outcome) {
    switch (outcome) {
        case SharedQueue::Outcome::done:
            return QueueOutcome::done;
        case SharedQueue::Outcome::would_wait:
            return QueueOutcome::would_wait;
        case SharedQueue::Outcome::refused:
            return QueueOutcome::refused;
    }
    return QueueOutcome::refused;
}

// An item on its way out is a parcel; one that came, the storage that the parcel lies in.
class SharedItemQueue final : public ItemQueue {
  public:
    explicit SharedItemQueue(std::shared_ptr<SharedQueue> queue) : queue_(std::move(queue)) {}

    void pack(lua_State* lua, int index, Closures closures, const char* operation,
              Item& item) const override {
        luaL_checkstack(lua, 10, operation);
        index = lua_absindex(lua, index);
        Outgoing& outgoing = push_outgoing(lua);
        marshal(lua, index, outgoing, operation, closures);
        const Failure failure = attempt([&] {
            outgoing.pack();
            auto contents = std::make_shared<ItemContents>();
            contents->parcel = std::make_shared<const Outgoing>(std::move(outgoing));
            item = Item(std::move(contents));
        });
        if (failure) raise_table(lua, failure);
        lua_pop(lua, 1);
    }

    void push(lua_State* lua, Item& item, const char* operation) const override {
        luaL_checkstack(lua, 10, operation);
        Incoming& incoming = push_incoming(lua);
        Context& shared = context(lua);
        const Failure failure = attempt([&] {
            const Item taken = std::exchange(item, Item());
            const StoragePtr& message = taken.contents()->storages[0];
            incoming.open(message, 0, message->bytes(), shared.heap);
            shared.unreported_bytes += message->bytes();
        });
        if (failure) raise_table(lua, failure);
        unmarshal(lua, incoming, operation);
        incoming = Incoming();  // its memory is that of its tensors from now on, if it has any
        lua_remove(lua, -2);
    }

    bool takes_small_values() const override { return false; }

    QueueOutcome try_write(std::span<Item> items, std::size_t& written) override {
        for (written = 0; written < items.size(); ++written) {
            const auto& parts = items[written].contents()->parcel->parts();
            const QueueOutcome outcome = outcome_of(queue_->try_write(parts));
            if (outcome != QueueOutcome::done) return outcome;
        }
        return QueueOutcome::done;
    }

    QueueOutcome try_read(Item& item, QueueStatus& after) override {
        auto contents = std::make_shared<ItemContents>();
        contents->storages.resize(1);
        SharedQueue::Status status = SharedQueue::Status::open;
        const auto outcome = outcome_of(queue_->try_read(contents->storages[0], status));
        if (outcome != QueueOutcome::done) return outcome;
        after = status_of(status);
        item = Item(std::move(contents));
        return outcome;
    }

    void close() override { queue_->close(); }
    QueueStatus status() const override { return status_of(queue_->status()); }
    std::uint64_t items() const override { return queue_->items(); }
    std::uint64_t capacity() const override { return queue_->capacity(); }
    Bell& readable() override { return queue_->readable(); }
    Bell& writable() override { return queue_->writable(); }
    void ring_all() override {
        readable().ring_all();
        writable().ring_all();
    }
    bool is_local() const override { return false; }
    void check_company() override { queue_->check_company(); }

    std::string describe() const override {
        const SharedQueue::Reference reference = queue_->reference();
        return {reinterpret_cast<const char*>(&reference), sizeof reference};
    }

  private:
    std::shared_ptr<SharedQueue> queue_;
};

Holder make_channel(std::shared_ptr<SharedQueue> queue) {
    return Holder(std::make_shared<Channel>(std::make_unique<SharedItemQueue>(std::move(queue))));
}

// What this process knows the queue by: one that comes back is the one that went.
std::string key_of(const SharedQueue::Reference& reference) {
    return "shared channel " + std::to_string(reference.nonce);
}

// The rank's faults, as those of its communicators (see runtime/faults.hpp).
Faults faults_of(const Context& shared) {
    const char* text = std::getenv("IPCRUN_FAULT");
    const auto& job = shared.household->job();
    return text == nullptr || job == nullptr ? Faults() : Faults(text, job->place().rank);
}

Holder open_foreign(lua_State* lua, const std::string& text) {
    SharedQueue::Reference reference;
    if (text.size() != sizeof reference)
        fail(ErrorCode::protocol, "open a channel: it is described by {} bytes", text.size());
    std::memcpy(&reference, text.data(), sizeof reference);
    Context& shared = context(lua);
    return shared.household
        ->find_or_make(
            key_of(reference),
            [&] { return make_channel(SharedQueue::open(reference, faults_of(shared))); })
        .first;
}

}  // namespace

Holder create_shared_channel(Context& shared, std::uint64_t capacity) {
    auto queue = SharedQueue::create(capacity, faults_of(shared));
    const std::string key = key_of(queue->reference());
    return shared.household->find_or_make(key, [&] { return make_channel(std::move(queue)); })
        .first;
}

Holder open_named_channel(Context& shared, const std::string& name, std::uint64_t capacity) {
    Holder found = shared.household
                       ->find_or_make("named channel " + name,
                                      [&] {
                                          const auto& job = shared.household->job();
                                          return make_channel(job->open_queue(name, capacity));
                                      })
                       .first;
    const std::uint64_t has = static_cast<Channel&>(*found.get()).queue().capacity();
    if (has != capacity)
        fail(ErrorCode::usage,
             "open the channel '{}': its capacity is {}, not {} (0: no limit); give it the one it "
             "has",
             name, has, capacity);
    return found;
}

void register_shared_channels(lua_State* lua) {
    register_foreign_kind(lua, channel_type, open_foreign);
}

}  // namespace ipcrun::lua
