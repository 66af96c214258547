// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Messages that have come and that nobody has asked for yet.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <utility>

#include "runtime/channel.hpp"

namespace ipcrun {

/// A message as its record tells of it.
struct Arrived {
    int source;
    int tag;
    std::uint64_t bytes;
    Dtype dtype;
    RecordKind kind;           ///< inlined, block or offer
    HeapRef ref;               ///< of the block or the offer
    const std::byte* payload;  ///< of an inlined one
};

class Unexpected {
  public:
    /// Keeps it, with a copy of its payload.
    void add(const Arrived& arrived);

    /// The first to have come of those that match, or null; valid until it is removed. Cost: that
    /// of a look-up with both, else the number of different (source, tag) here.
    const Arrived* find(int source, int tag) const;
    /// Any one, or null.
    const Arrived* first() const { return queues_.empty() ? nullptr : &front(*queues_.begin()); }

    /// Removes what find() gave.
    void remove(const Arrived& found);

    bool is_empty() const { return queues_.empty(); }

  private:
    struct Entry {
        std::uint64_t number;  // in the order of arrival
        Arrived arrived;
        std::unique_ptr<std::byte[]> payload;
    };
    using Key = std::pair<int, int>;  // source, tag
    using Queues = std::map<Key, std::deque<Entry>>;
    static const Arrived& front(const Queues::value_type& queue) {
        return queue.second.front().arrived;
    }

    Queues::iterator open_queue(const Key& key);

    std::uint64_t next_number_ = 0;
    Queues queues_;  // none of them empty
    // One that became empty: whoever looks for each message before it is received fills and empties
    // one each time.
    Queues::node_type spare_;
};

}  // namespace ipcrun
