// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How many questions of a queue are in whose hands: read, and not answered yet.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <unordered_map>

namespace ipcrun::lua {

class Hands {
  public:
    std::uint64_t total() const { return total_.load(); }

    /// To be called before a question is read, so that it is always in the queue or in hands.
    /// Throws std::bad_alloc.
    void take(const void* who) {
        const std::lock_guard lock(mutex_);
        ++held_[who];
        total_.fetch_add(1);
    }
    /// That many answers were written, or there was no question to read after all. Answers nobody
    /// asked for do not count. True when nothing is in any hands now.
    bool give(const void* who, std::uint64_t count) {
        const std::lock_guard lock(mutex_);
        const auto place = held_.find(who);
        if (place == held_.end()) return total_.load() == 0;
        return take_away(place, std::min(count, place->second));
    }
    /// `who` asks for the next question, or is gone: nothing more is to be hoped of what it holds.
    bool drop(const void* who) {
        const std::lock_guard lock(mutex_);
        const auto place = held_.find(who);
        if (place == held_.end()) return total_.load() == 0;
        return take_away(place, place->second);
    }

  private:
    using Held = std::unordered_map<const void*, std::uint64_t>;

    bool take_away(Held::iterator place, std::uint64_t count) {
        // Not erased: the next question of the same worker needs no memory.
        place->second -= count;
        return total_.fetch_sub(count) == count;
    }

    std::mutex mutex_;
    Held held_;
    std::atomic<std::uint64_t> total_ = 0;
};

}  // namespace ipcrun::lua
