// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/threads/shared_channel.hpp"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "base/environment.hpp"
#include "base/fail.hpp"
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/ipc/parcel.hpp"
#include "bindings/lua/tensor.hpp"
#include "bindings/lua/threads/channel.hpp"
#include "bindings/lua/threads/household.hpp"
#include "bindings/lua/threads/lost_queue.hpp"
#include "runtime/shared_queue.hpp"

namespace ipcrun::lua {

namespace {

bool is_rank(const Context& shared) {
    const auto& job = shared.household->job();
    return job != nullptr && !job->is_alone();
}

// Does it take more than a descriptor to reach all ranks?
bool has_other_hosts(const Context& shared) {
    if (!is_rank(shared)) return false;
    const Job::Place& place = shared.household->job()->place();
    return place.local_size != place.size;
}

// An item on its way out is a parcel; one that came, the storage that the parcel lies in.
class SharedItemQueue final : public ItemQueue {
  public:
    /// `is_made_here`: nobody else has it yet.
    SharedItemQueue(std::shared_ptr<SharedQueue> queue, const Context& shared, bool is_made_here)
        : queue_(std::move(queue)),
          is_in_job_(is_rank(shared)),
          has_other_hosts_(has_other_hosts(shared)),
          is_made_here_(is_made_here) {}

    /// Ranks find it by this name.
    void set_name(const std::string& name) {
        std::call_once(naming_, [&] {
            name_ = name;
            is_named_ = true;
        });
    }

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
            const QueueOutcome outcome = queue_->try_write(parts);
            if (outcome != QueueOutcome::done) return outcome;
        }
        return QueueOutcome::done;
    }

    QueueOutcome try_read(Item& item, QueueStatus& after) override {
        // Memory for the item is there before it is taken; who waits and finds none takes none,
        // where it costs little to ask.
        const bool is_elsewhere = queue_->descriptor() < 0;
        auto contents = is_elsewhere || queue_->items() > 0 ? make_contents() : nullptr;
        StoragePtr message;
        const QueueOutcome outcome = queue_->try_read(message, after);
        if (outcome != QueueOutcome::done) return outcome;
        if (contents == nullptr) contents = make_contents();
        contents->storages[0] = std::move(message);
        item = Item(std::move(contents));
        return outcome;
    }

    void close() override { queue_->close(); }
    QueueStatus status() const override { return queue_->status(); }
    std::uint64_t items() const override { return queue_->items(); }
    std::uint64_t capacity() const override { return queue_->capacity(); }
    Bell& readable() override { return queue_->readable(); }
    Bell& writable() override { return queue_->writable(); }
    bool may_write() const override { return queue_->may_write(); }
    bool may_read() const override { return queue_->may_read(); }
    // Who was woken, and took an item elsewhere or had no time left, wakes another.
    void reader_leaves() override {
        pass_on([this] { queue_->reader_leaves(); });
    }
    void writer_leaves() override {
        pass_on([this] { queue_->writer_leaves(); });
    }
    void ring_all() override {
        readable().ring_all();
        writable().ring_all();
    }
    bool is_local() const override { return false; }
    bool is_private() const override { return is_made_here_ && !is_handed_on_.load(); }

    bool is_abandoned(bool is_only_holder, bool has_relatives) override {
        const std::uint32_t lost = queue_->find_lost_company();
        if (lost != 0) lost_pid_ = lost;
        if (!is_only_holder || is_private() || queue_->has_company()) return false;
        // Any rank may come to ask for the name, unless the job is at its end.
        if (is_named_.load()) return lost != 0;
        // A name in a message is good as long as its sender has the queue: only those that this
        // process sent may still bring somebody.
        if (!is_handed_on_.load()) return true;
        return !has_relatives && (!is_in_job_ || lost != 0);
    }
    std::string why_abandoned() const override {
        const std::uint32_t pid = lost_pid_.load();
        if (pid != 0)
            return fmt::format(
                "nobody else has this channel: process {} ended without letting go of it, and no "
                "other process has it any more",
                pid);
        return "nobody else has this channel: the processes that it was handed to have ended, or "
               "let go of it";
    }

    std::string describe() const override {
        is_handed_on_ = true;
        const SharedQueue::Reference reference = queue_->reference();
        std::string text(reinterpret_cast<const char*>(&reference), sizeof reference);
        if (!is_named_.load() || !has_other_hosts_) return text;
        const std::uint64_t capacity = queue_->capacity();
        text.append(reinterpret_cast<const char*>(&capacity), sizeof capacity);
        return text + name_;
    }

  private:
    template <typename Ring>
    static void pass_on(Ring ring) {
        try {
            ring();
        } catch (const std::exception&) {
            // After fork(), say: this process has woken nobody, and nobody waits for it. Or there
            // is no memory, and others look again by themselves.
        }
    }
    static std::shared_ptr<ItemContents> make_contents() {
        auto contents = std::make_shared<ItemContents>();
        contents->storages.resize(1);
        return contents;
    }

    std::shared_ptr<SharedQueue> queue_;
    const bool is_in_job_;
    const bool has_other_hosts_;
    const bool is_made_here_;
    std::once_flag naming_;
    std::string name_;  // not changed once is_named_ is set
    std::atomic<bool> is_named_ = false;
    mutable std::atomic<bool> is_handed_on_ = false;
    std::atomic<std::uint32_t> lost_pid_ = 0;
};

Holder make_channel(std::unique_ptr<ItemQueue> queue) {
    return Holder(std::make_shared<Channel>(std::move(queue)));
}

// What this process knows the queue by: one that comes back is the one that went.
std::string key_of(const SharedQueue::Reference& reference) {
    return "shared channel " + std::to_string(reference.nonce);
}

// The rank's faults, as those of its communicators (see runtime/faults.hpp).
Faults faults_of(const Context& shared) {
    const auto text = environment_variable("IPCRUN_FAULT");
    const auto& job = shared.household->job();
    return text && job ? Faults(*text, job->place().rank) : Faults();
}

// The channel of this queue, one for the process, whichever way it came.
Holder find_channel(Context& shared, std::shared_ptr<SharedQueue> queue, bool is_made_here) {
    const std::string key = key_of(queue->reference());
    const auto make = [&] {
        return make_channel(
            std::make_unique<SharedItemQueue>(std::move(queue), shared, is_made_here));
    };
    return shared.household->find_or_make(key, make).first;
}

Holder find_named(Context& shared, const std::string& name, std::uint64_t capacity) {
    const std::string key = "named channel " + name;
    if (Holder known = shared.household->find(key)) return known;
    const auto& job = shared.household->job();
    if (job == nullptr)
        fail(ErrorCode::usage,
             "open the channel '{}': the job is left, as this Lua state is closed", name);
    // It may have come in a message before.
    Holder found = find_channel(shared, job->open_queue(name, capacity), false);
    static_cast<SharedItemQueue&>(static_cast<Channel&>(*found.get()).queue()).set_name(name);
    return shared.household->find_or_make(key, [&] { return found; }).first;
}

// What a message says of a channel, beside where its sender has it: the ranks of a job on several
// hosts find one by its name wherever they are.
struct Description {
    SharedQueue::Reference reference;
    std::uint64_t capacity = 0;
    std::string name;  // empty: none
};

Description read_description(const std::string& text) {
    Description result;
    constexpr std::size_t head_bytes = sizeof result.reference + sizeof result.capacity;
    if (text.size() != sizeof result.reference && text.size() <= head_bytes)
        fail(ErrorCode::protocol, "open a channel: it is described by {} bytes", text.size());
    std::memcpy(&result.reference, text.data(), sizeof result.reference);
    if (text.size() == sizeof result.reference) return result;
    std::memcpy(&result.capacity, text.data() + sizeof result.reference, sizeof result.capacity);
    result.name = text.substr(head_bytes);
    return result;
}

// By its name, if that is of this job.
Holder find_same(Context& shared, const Description& description) {
    Holder found = find_named(shared, description.name, description.capacity);
    if (shared.household->find(key_of(description.reference))) return found;
    fail(ErrorCode::peer_lost, "the channel '{}' is another job's", description.name);
}

Holder open_foreign(lua_State* lua, const std::string& text) {
    const Description description = read_description(text);
    const SharedQueue::Reference& reference = description.reference;
    Context& shared = context(lua);
    if (Holder known = shared.household->find(key_of(reference))) return known;
    const bool has_name = !description.name.empty() && has_other_hosts(shared);
    // The rest of the message is good: what is wrong is told to who uses the channel.
    const auto lost = [](const std::string& why) {
        return make_channel(std::make_unique<LostQueue>(why));
    };
    if (reference.pid == 0 && !has_name)
        return lost("its memory is on another host, and this process is no rank of the job");
    try {
        // Who sent it may have it from another host.
        if (has_name) return find_same(shared, description);
        return find_channel(shared, SharedQueue::open(reference, faults_of(shared)), false);
    } catch (const Error& error) {
        if (error.code != ErrorCode::peer_lost) throw;
        if (has_name) return lost(error.what());
        return lost(
            fmt::format("the process that sent it has ended, or let go of it, before it "
                        "was opened here ({})",
                        error.what()));
    }
}

}  // namespace

Holder create_shared_channel(Context& shared, std::uint64_t capacity) {
    return find_channel(shared, SharedQueue::create(capacity, faults_of(shared)), true);
}

Holder open_named_channel(Context& shared, const std::string& name, std::uint64_t capacity) {
    Holder found = find_named(shared, name, capacity);
    const std::uint64_t has = static_cast<Channel&>(*found.get()).queue().capacity();
    if (has != capacity)
        fail(ErrorCode::usage,
             "open the channel '{}': its capacity is {}, not {} (0: no limit); give it the one it "
             "has",
             name, has, capacity);
    return found;
}

void report_shared_channel(lua_State* lua) {
    constexpr std::size_t channel_bytes = 16 << 10;
    constexpr std::size_t channels_at_once = 16;
    context(lua).unreported_bytes += channel_bytes;
    report_memory(lua, channels_at_once * channel_bytes);
}

void register_shared_channels(lua_State* lua) {
    register_foreign_kind(lua, channel_type, open_foreign);
}

}  // namespace ipcrun::lua
