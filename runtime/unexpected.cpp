// SPDX-License-Identifier: Apache-2.0
#include "runtime/unexpected.hpp"

#include <cstring>

#include "runtime/message.hpp"

namespace ipcrun {

void Unexpected::add(const Arrived& arrived) {
    Entry entry{next_number_++, arrived, nullptr};
    if (arrived.kind == RecordKind::inlined && arrived.bytes != 0) {
        entry.payload = std::make_unique<std::byte[]>(arrived.bytes);
        std::memcpy(entry.payload.get(), arrived.payload, arrived.bytes);
    }
    entry.arrived.payload = entry.payload.get();
    const auto queue = open_queue({arrived.source, arrived.tag});
    try {
        queue->second.push_back(std::move(entry));
    } catch (...) {
        if (queue->second.empty()) queues_.erase(queue);
        throw;
    }
}

Unexpected::Queues::iterator Unexpected::open_queue(const Key& key) {
    if (spare_.empty()) return queues_.try_emplace(key).first;
    spare_.key() = key;
    auto placed = queues_.insert(std::move(spare_));
    // There was one: the other is spare still.
    if (!placed.inserted) spare_ = std::move(placed.node);
    return placed.position;
}

const Arrived* Unexpected::find(int source, int tag) const {
    if (source != any_source && tag != any_tag) {
        const auto queue = queues_.find({source, tag});
        return queue == queues_.end() ? nullptr : &front(*queue);
    }
    const Entry* oldest = nullptr;
    auto queue = source == any_source ? queues_.begin() : queues_.lower_bound({source, 0});
    for (; queue != queues_.end(); ++queue) {
        if (source != any_source && queue->first.first != source) break;
        if (tag != any_tag && queue->first.second != tag) continue;
        const Entry& candidate = queue->second.front();
        if (oldest == nullptr || candidate.number < oldest->number) oldest = &candidate;
    }
    return oldest == nullptr ? nullptr : &oldest->arrived;
}

void Unexpected::remove(const Arrived& found) {
    const auto queue = queues_.find({found.source, found.tag});
    queue->second.pop_front();
    if (queue->second.empty()) spare_ = queues_.extract(queue);
}

}  // namespace ipcrun
