// SPDX-License-Identifier: Apache-2.0
#include "runtime/storage.hpp"

#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

#include "runtime/heap.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t alignment = 64;

std::byte* allocate_private(std::size_t bytes) {
    const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    void* memory = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
    if (memory == nullptr) throw std::bad_alloc();
    return static_cast<std::byte*>(memory);
}

}  // namespace

StoragePtr Storage::create(const std::shared_ptr<Heap>& heap, Dtype dtype, std::size_t count) {
    if (count > std::numeric_limits<std::size_t>::max() / 2 / size_of(dtype))
        throw std::bad_alloc();
    StoragePtr storage(new Storage());
    storage->dtype_ = dtype;
    storage->count_ = count;
    if (heap != nullptr) storage->data_ = static_cast<std::byte*>(heap->allocate(storage->bytes()));
    if (storage->data_ != nullptr)
        storage->heap_ = heap;
    else
        storage->data_ = allocate_private(storage->bytes());
    return storage;
}

StoragePtr Storage::slice(const StoragePtr& whole, std::size_t offset_bytes, Dtype dtype,
                          std::size_t count) {
    StoragePtr storage(new Storage());
    storage->dtype_ = dtype;
    storage->count_ = count;
    storage->data_ = whole->data() + offset_bytes;
    storage->whole_ = whole.get();
    whole->references_.fetch_add(1, std::memory_order_relaxed);
    return storage;
}

StoragePtr Storage::borrow(void* data, Dtype dtype, std::size_t count) {
    StoragePtr storage(new Storage());
    storage->dtype_ = dtype;
    storage->count_ = count;
    storage->data_ = static_cast<std::byte*>(data);
    storage->is_borrowed_ = true;
    return storage;
}

void Storage::detach() {
    if (!is_borrowed_) return;
    std::byte* own = allocate_private(bytes());
    std::memcpy(own, data_, bytes());
    data_ = own;
    is_borrowed_ = false;
}

StoragePtr Storage::adopt(const std::shared_ptr<Heap>& heap, std::byte* data, Dtype dtype,
                          std::size_t count) {
    StoragePtr storage(new Storage());
    storage->dtype_ = dtype;
    storage->count_ = count;
    storage->data_ = data;
    storage->heap_ = heap;
    return storage;
}

StoragePtr Storage::keep(std::shared_ptr<void> owner, std::byte* data, Dtype dtype,
                         std::size_t count) {
    StoragePtr storage(new Storage());
    storage->dtype_ = dtype;
    storage->count_ = count;
    storage->data_ = data;
    storage->owner_ = std::move(owner);
    return storage;
}

Storage::~Storage() {
    if (is_borrowed_ || owner_ != nullptr) return;
    if (whole_ != nullptr) {
        if (whole_->references_.fetch_sub(1) == 1) delete whole_;
    } else if (heap_ != nullptr)
        heap_->deallocate(data_, bytes());
    else
        std::free(data_);
}

}  // namespace ipcrun
