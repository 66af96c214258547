// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Links between threads of a test that hold as many bytes as the test wants: none at all, say, so
/// that every send waits for its receiver.

#include <condition_variable>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/fail.hpp"
#include "runtime/connection/link.hpp"
#include "runtime/parts.hpp"

namespace ipcrun::test {

class QueueLink final : public Link {
  public:
    static std::pair<std::unique_ptr<QueueLink>, std::unique_ptr<QueueLink>> create(
        LinkKind kind, std::size_t capacity) {
        auto shared = std::make_shared<Shared>();
        shared->kind = kind;
        shared->capacity = capacity;
        return {std::unique_ptr<QueueLink>(new QueueLink(shared, 0)),
                std::unique_ptr<QueueLink>(new QueueLink(shared, 1))};
    }
    ~QueueLink() override { close(); }

    LinkKind kind() const override { return shared_->kind; }

    void send(std::span<const std::uint8_t> note, std::span<const Part> parts, int tag,
              Deadline deadline) override {
        Item item{{note.begin(), note.end()}, {}, tag, Dtype::u8};
        const PartsShape shape(parts, false);
        item.dtype = shape.dtype;
        item.bytes.resize(shape.bytes);
        gather(parts, item.bytes.data());
        std::unique_lock lock(shared_->mutex);
        Side& theirs = shared_->sides[1 - side_];
        if (shared_->is_closed()) lose();
        const std::uint64_t number = ++theirs.sent;
        theirs.held += shape.bytes;
        theirs.items.push_back(std::move(item));
        shared_->news.notify_all();
        const auto is_done = [&] {
            return shared_->is_closed() || theirs.received >= number ||
                   theirs.held < shared_->capacity;
        };
        if (!wait(lock, deadline, is_done)) {
            // Nothing takes it back once the peer may have seen it: as on a socket.
            shared_->close();
            fail(ErrorCode::timeout, "timed out sending");
        }
        if (shared_->is_closed() && theirs.received < number && theirs.held >= shared_->capacity)
            lose();
    }

    std::optional<Arrival> wait(int tag, Deadline deadline) override {
        std::unique_lock lock(shared_->mutex);
        Side& ours = shared_->sides[side_];
        const auto has_come = [&] { return shared_->is_closed() || !ours.items.empty(); };
        if (!wait(lock, deadline, has_come)) return std::nullopt;
        if (ours.items.empty()) lose();
        const Item& item = ours.items.front();
        check(item.tag == tag, "a message with another tag");
        return Arrival{item.bytes.size(), item.dtype, item.note};
    }

    void receive_into(std::span<const Part> parts, int tag, Deadline deadline) override {
        (void)wait(tag, deadline);
        const PartsShape shape(parts, true);
        const Item item = take(shape);
        scatter(item.bytes.data(), parts);
    }

    Message receive(int tag, Deadline deadline) override {
        (void)wait(tag, deadline);
        std::unique_lock lock(shared_->mutex);
        const Item& first = shared_->sides[side_].items.front();
        PartsShape shape({}, false);
        shape.bytes = first.bytes.size();
        shape.dtype = first.dtype;
        lock.unlock();
        const Item item = take(shape);
        Message message{
            {0, tag, item.bytes.size(), item.dtype},
            Storage::create(nullptr, item.dtype, item.bytes.size() / size_of(item.dtype))};
        if (!item.bytes.empty())
            std::memcpy(message.storage->data(), item.bytes.data(), item.bytes.size());
        return message;
    }

    bool has_peer_ended() const override {
        const std::lock_guard lock(shared_->mutex);
        return shared_->is_closed();
    }

    void close() noexcept override {
        const std::lock_guard lock(shared_->mutex);
        shared_->close();
    }

  private:
    struct Item {
        std::vector<std::uint8_t> note;
        std::vector<std::byte> bytes;
        int tag;
        Dtype dtype;
    };
    struct Side {  // what goes to it
        std::deque<Item> items;
        std::uint64_t sent = 0, received = 0;
        std::size_t held = 0;
    };
    struct Shared {
        bool is_closed() const { return closed; }
        void close() {
            closed = true;
            news.notify_all();
        }
        std::mutex mutex;
        std::condition_variable news;
        Side sides[2];
        bool closed = false;
        LinkKind kind = LinkKind::socket;
        std::size_t capacity = 0;
    };

    QueueLink(std::shared_ptr<Shared> shared, int side) : shared_(std::move(shared)), side_(side) {}

    [[noreturn]] static void lose() { fail(ErrorCode::peer_lost, "the peer has closed the link"); }

    template <typename Condition>
    bool wait(std::unique_lock<std::mutex>& lock, Deadline deadline, Condition condition) {
        const auto left = deadline.remaining();
        if (left) return shared_->news.wait_for(lock, *left, condition);
        shared_->news.wait(lock, condition);
        return true;
    }

    Item take(const PartsShape& shape) {
        const std::lock_guard lock(shared_->mutex);
        Side& ours = shared_->sides[side_];
        if (ours.items.front().bytes.size() != shape.bytes ||
            ours.items.front().dtype != shape.dtype)
            fail(ErrorCode::mismatch, "the message has another size or dtype");
        Item item = std::move(ours.items.front());
        ours.items.pop_front();
        ++ours.received;
        ours.held -= item.bytes.size();
        shared_->news.notify_all();
        return item;
    }

    std::shared_ptr<Shared> shared_;
    int side_;
};

}  // namespace ipcrun::test
