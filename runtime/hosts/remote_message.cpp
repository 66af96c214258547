// SPDX-License-Identifier: Apache-2.0
#include "runtime/hosts/remote_message.hpp"

#include <algorithm>
#include <cstring>

namespace ipcrun {

std::size_t RemoteMessage::look(std::span<iovec> views) {
    if (target) return target->look(views);
    views[0] = {storage->data() + come_bytes, bytes - come_bytes};
    return 1;
}

void RemoteMessage::advance(std::size_t count) {
    if (target) target->advance(count);
    come_bytes += count;
}

void RemoteMessage::put(std::span<const std::byte> some) {
    if (target)
        target->put(some);
    else
        std::memcpy(storage->data() + come_bytes, some.data(), some.size());
    come_bytes += some.size();
}

void RemoteMessage::keep() {
    if (storage) return;
    storage = Storage::create(nullptr, dtype, bytes / size_of(dtype));
    if (target) target->copy_to(storage->data());
    target.reset();
}

void RemoteUnexpected::add(std::unique_ptr<RemoteMessage> message) {
    const std::uint64_t key = key_of(message->source, message->tag);
    Queues::iterator queue;
    if (spare_.empty()) {
        queue = queues_.try_emplace(key).first;
    } else {
        spare_.key() = key;
        auto placed = queues_.insert(std::move(spare_));
        // There was one: the other is spare still.
        if (!placed.inserted) spare_ = std::move(placed.node);
        queue = placed.position;
    }
    auto place = queue->second.end();
    while (place != queue->second.begin() && (*std::prev(place))->arrival > message->arrival)
        --place;
    queue->second.insert(place, std::move(message));
}

RemoteMessage* RemoteUnexpected::find(int source, int tag) const {
    if (source != any_source && tag != any_tag) {
        const auto queue = queues_.find(key_of(source, tag));
        return queue == queues_.end() ? nullptr : queue->second.front().get();
    }
    RemoteMessage* oldest = nullptr;
    for (const auto& [key, queue] : queues_) {
        RemoteMessage* const first = queue.front().get();
        if ((source != any_source && first->source != source) ||
            (tag != any_tag && first->tag != tag))
            continue;
        if (oldest == nullptr || first->arrival < oldest->arrival) oldest = first;
    }
    return oldest;
}

std::unique_ptr<RemoteMessage> RemoteUnexpected::remove(const RemoteMessage& message) {
    const auto queue = queues_.find(key_of(message.source, message.tag));
    auto& row = queue->second;
    const auto place = std::find_if(row.begin(), row.end(),
                                    [&](const auto& other) { return other.get() == &message; });
    std::unique_ptr<RemoteMessage> result = std::move(*place);
    row.erase(place);
    // Whoever looks for each message before it is received fills and empties one each time.
    if (row.empty()) spare_ = queues_.extract(queue);
    return result;
}

}  // namespace ipcrun
