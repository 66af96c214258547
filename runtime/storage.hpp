// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Reference-counted memory for elements of one dtype: what tensors are views of.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "runtime/dtype.hpp"

namespace ipcrun {

class Heap;
class StoragePtr;

class Storage {
  public:
    enum class Kind : std::uint8_t {
        private_memory,  ///< this process's alone
        heap,            ///< in the shared heap: every rank of the node can address it
    };

    /// `count` uninitialised elements, 64-byte aligned; from `heap`, or private when it is null,
    /// full or closed. Throws std::bad_alloc. Any thread.
    static StoragePtr create(const std::shared_ptr<Heap>& heap, Dtype dtype, std::size_t count);

    /// `count` elements that lie `offset_bytes` into `whole`, whose memory stays for as long as the
    /// slice is there. Aligned for the dtype, and within: the caller has checked. Any thread.
    static StoragePtr slice(const StoragePtr& whole, std::size_t offset_bytes, Dtype dtype,
                            std::size_t count);

    /// A view of memory that somebody else owns, and takes back after detach(). Any thread.
    static StoragePtr borrow(void* data, Dtype dtype, std::size_t count);
    /// Of a borrowed storage: from now on its elements are a private copy. Throws std::bad_alloc.
    void detach();

    /// Owns a block of the shared heap that a peer allocated and gave away; it goes back to that
    /// peer's heap through `heap`, this rank's own. `data` holds `count` elements.
    static StoragePtr adopt(const std::shared_ptr<Heap>& heap, std::byte* data, Dtype dtype,
                            std::size_t count);

    /// `count` elements at `data`, in memory that `owner` keeps for as long as it lives. Any
    /// thread.
    static StoragePtr keep(std::shared_ptr<void> owner, std::byte* data, Dtype dtype,
                           std::size_t count);

    Dtype dtype() const { return dtype_; }
    Kind kind() const {
        if (whole_ != nullptr) return whole_->kind();
        return heap_ != nullptr ? Kind::heap : Kind::private_memory;
    }
    std::size_t count() const { return count_; }
    std::size_t bytes() const { return count_ * size_of(dtype_); }
    std::byte* data() const { return data_; }

    /// Whether holder number `holder` (counted modulo 64) notes for the first time that it has it:
    /// so that a garbage collector counts memory once that comes and goes. Any thread.
    bool note(unsigned holder) {
        const std::uint64_t bit = std::uint64_t(1) << holder % 64;
        return (noted_.fetch_or(bit, std::memory_order_relaxed) & bit) == 0;
    }

  private:
    friend class StoragePtr;
    Storage() = default;
    ~Storage();

    std::atomic<std::size_t> references_{0};
    std::atomic<std::uint64_t> noted_{0};
    std::byte* data_ = nullptr;
    std::size_t count_ = 0;
    std::shared_ptr<Heap> heap_;   // shared: a storage may outlive everything else in its process
    std::shared_ptr<void> owner_;  // of what is kept: its destructor gives the memory back
    Storage* whole_ = nullptr;     // of a slice: what it is cut from; counted
    Dtype dtype_ = Dtype::f32;
    bool is_borrowed_ = false;
};

/// A share in a storage; the last one frees it. Counted inside the storage, not by shared_ptr, so
/// that a raw Storage* can cross language boundaries. Copies may live in different threads.
class StoragePtr {
  public:
    StoragePtr() = default;
    explicit StoragePtr(Storage* storage) : storage_(storage) { retain(); }
    StoragePtr(const StoragePtr& other) : storage_(other.storage_) { retain(); }
    StoragePtr(StoragePtr&& other) noexcept : storage_(std::exchange(other.storage_, nullptr)) {}
    StoragePtr& operator=(StoragePtr other) noexcept {
        std::swap(storage_, other.storage_);
        return *this;
    }
    ~StoragePtr() { reset(); }

    Storage* get() const { return storage_; }
    Storage* operator->() const { return storage_; }
    Storage& operator*() const { return *storage_; }
    explicit operator bool() const { return storage_ != nullptr; }
    std::size_t use_count() const { return storage_ ? storage_->references_.load() : 0; }
    void reset() {
        Storage* storage = std::exchange(storage_, nullptr);
        if (storage != nullptr && storage->references_.fetch_sub(1) == 1) delete storage;
    }

  private:
    void retain() {
        if (storage_ != nullptr) storage_->references_.fetch_add(1, std::memory_order_relaxed);
    }
    Storage* storage_ = nullptr;
};

}  // namespace ipcrun
