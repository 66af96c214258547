// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A first-in-first-out row in one piece of memory that grows, and is used again: no memory is
/// taken or given back while as many come as go. Not for several threads at once.

#include <cstddef>
#include <memory>
#include <utility>

namespace ipcrun {

template <typename T>
class RingBuffer {
  public:
    bool is_empty() const { return count_ == 0; }
    std::size_t size() const { return count_; }

    /// Makes room for `more` items. Throws std::bad_alloc, with nothing changed.
    void reserve(std::size_t more) {
        if (count_ + more <= slots_count_) return;
        std::size_t wanted = slots_count_ == 0 ? slots_min : 2 * slots_count_;
        while (wanted < count_ + more) wanted *= 2;
        auto slots = std::make_unique<T[]>(wanted);
        for (std::size_t i = 0; i < count_; ++i) slots[i] = std::move(at(i));
        slots_ = std::move(slots);
        slots_count_ = wanted;
        first_ = 0;
    }
    /// To be called after reserve().
    void push(T&& item) { at(count_++) = std::move(item); }
    /// Takes the first of at least one. The memory of a great crowd goes with the last of it.
    T pop() {
        T item = std::move(at(0));
        first_ = (first_ + 1) & (slots_count_ - 1);
        if (--count_ == 0 && slots_count_ > slots_kept_max) *this = RingBuffer();
        return item;
    }
    void swap(RingBuffer& other) noexcept {
        std::swap(slots_, other.slots_);
        std::swap(slots_count_, other.slots_count_);
        std::swap(first_, other.first_);
        std::swap(count_, other.count_);
    }

  private:
    // Powers of two, so that places are found by a mask.
    static constexpr std::size_t slots_min = 16;
    static constexpr std::size_t slots_kept_max = 1 << 14;

    T& at(std::size_t place) { return slots_[(first_ + place) & (slots_count_ - 1)]; }

    std::unique_ptr<T[]> slots_;
    std::size_t slots_count_ = 0;
    std::size_t first_ = 0;
    std::size_t count_ = 0;
};

}  // namespace ipcrun
