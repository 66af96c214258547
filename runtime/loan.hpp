// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A block of the shared heap for as long as an operation needs it.

#include <cstddef>
#include <utility>

#include "base/fail.hpp"
#include "runtime/heap.hpp"

namespace ipcrun {

class Loan {
  public:
    Loan() = default;
    /// Throws Error{system} when the heap is full, or closed by fork().
    Loan(Heap& heap, std::size_t bytes)
        : heap_(&heap), data_(static_cast<std::byte*>(heap.allocate(bytes))) {
        if (data_ == nullptr)
            fail(ErrorCode::system,
                 "copy {} bytes through the shared heap: it is full, or closed by fork()", bytes);
    }
    Loan(Loan&& other) noexcept : heap_(other.heap_), data_(std::exchange(other.data_, nullptr)) {}
    Loan& operator=(Loan&& other) noexcept {
        std::swap(heap_, other.heap_);
        std::swap(data_, other.data_);
        return *this;
    }
    ~Loan() {
        if (data_ != nullptr) heap_->deallocate(data_);
    }
    std::byte* data() const { return data_; }

  private:
    Heap* heap_ = nullptr;
    std::byte* data_ = nullptr;
};

}  // namespace ipcrun
