// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A message of a rank on another host that has come, or whose body is still there; and those that
/// nobody has asked for yet.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>

#include "base/error.hpp"
#include "runtime/message.hpp"
#include "runtime/parts_target.hpp"

namespace ipcrun {

class RemoteReceiving;
struct RemoteMessage;

/// The stream that a message comes on.
class MessageOrigin {
  public:
    /// Its body is wanted: asks for it.
    virtual void fetch(RemoteMessage& message) = 0;
    /// It has been received, or thrown away, and counts for the lag no more.
    virtual void release(const RemoteMessage& message) = 0;
    /// Nobody wants what is still to come of it, now or ever.
    virtual void abandon(const RemoteMessage& message) = 0;
    /// Nothing comes to where its receiver wanted it once this returns: it is whole then, or comes
    /// to memory of its own, or has not begun to come. Throws std::bad_alloc, and it has not begun.
    virtual void halt(RemoteMessage& message) = 0;
    /// The stream ends presently, by this.
    virtual void break_off(const Error& error) = 0;

  protected:
    ~MessageOrigin() = default;
};

struct RemoteMessage {
    MessageOrigin* origin = nullptr;
    std::uint32_t context = 0;
    int source = 0;  ///< rank in the job
    int tag = 0;
    std::uint64_t bytes = 0;
    Dtype dtype = Dtype::u8;
    std::uint64_t number = 0;   ///< of its announcement; 0: it came at once
    std::uint64_t arrival = 0;  ///< in its context
    bool is_requested = false;
    RemoteReceiving* receiver = nullptr;  ///< who waits for its body
    std::uint64_t come_bytes = 0;         ///< of the body: here, or where the receiver wants it
    StoragePtr storage = {};
    std::optional<PartsTarget> target = {};  ///< in the place of a storage

    bool is_whole() const { return come_bytes == bytes; }
    std::size_t look(std::span<iovec> views);
    void advance(std::size_t count);
    void put(std::span<const std::byte> some);
    /// What has come, and what comes, goes to memory of its own. Throws std::bad_alloc.
    void keep();
};

class RemoteUnexpected {
  public:
    /// At its place in the order of arrival.
    void add(std::unique_ptr<RemoteMessage> message);
    /// The first to have come of those that match, or null. Cost: that of a look-up with both, else
    /// the number of different (source, tag) here.
    RemoteMessage* find(int source, int tag) const;
    std::unique_ptr<RemoteMessage> remove(const RemoteMessage& message);
    /// Removes all that `condition` is true of, each after `act`.
    template <typename Condition, typename Act>
    void remove_if(Condition condition, Act act) {
        for (auto queue = queues_.begin(); queue != queues_.end();) {
            std::erase_if(queue->second, [&](const auto& message) {
                if (!condition(*message)) return false;
                act(*message);
                return true;
            });
            queue = queue->second.empty() ? queues_.erase(queue) : std::next(queue);
        }
    }

  private:
    using Queue = std::deque<std::unique_ptr<RemoteMessage>>;
    using Queues = std::unordered_map<std::uint64_t, Queue>;  // by source and tag
    static std::uint64_t key_of(int source, int tag) {
        return static_cast<std::uint64_t>(source) << 32 | static_cast<std::uint32_t>(tag);
    }

    Queues queues_;  // none of them empty
    Queues::node_type spare_;
};

}  // namespace ipcrun
