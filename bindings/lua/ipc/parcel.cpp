// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/parcel.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

#include "bindings/lua/ipc/parcel_format.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/view.hpp"

namespace ipcrun::lua {

namespace {

// Between blocks; never written to.
alignas(64) std::uint8_t zeros[parcel_alignment] = {};

std::size_t gap_before_block(std::size_t bytes) {
    return (parcel_alignment - bytes % parcel_alignment) % parcel_alignment;
}

}  // namespace

std::uint32_t Outgoing::block_of(const StoragePtr& storage) {
    const auto index = static_cast<std::uint32_t>(blocks_.size());
    const auto [found, is_new] = block_indices_.try_emplace(storage.get(), index);
    if (is_new) blocks_.push_back({storage});
    return found->second;
}

std::uint32_t Outgoing::add_tensor(const Tensor& tensor) noexcept {
    if (out_of_memory_) return 0;  // what is there may be incomplete
    try {
        const std::uint32_t index = block_of(tensor.storage);
        Block& block = blocks_[index];
        std::int64_t last = tensor.offset;
        for (int d = 0; d < tensor.dims; ++d) last += (tensor.sizes[d] - 1) * tensor.strides[d];
        if (tensor.count() > 0) {
            const bool is_first = block.from == block.to;
            block.from = is_first ? tensor.offset : std::min(block.from, tensor.offset);
            block.to = is_first ? last + 1 : std::max(block.to, last + 1);
        }
        ++block.tensors;
        block.last_tensor = static_cast<std::uint32_t>(tensors_.size());
        tensors_.push_back({tensor, index});
        return block.last_tensor;
    } catch (const std::bad_alloc&) {
        out_of_memory_ = true;
        return 0;
    }
}

std::uint32_t Outgoing::add_storage(const StoragePtr& storage) noexcept {
    if (out_of_memory_) return 0;
    try {
        const std::uint32_t index = block_of(storage);
        blocks_[index].is_whole = true;
        return index;
    } catch (const std::bad_alloc&) {
        out_of_memory_ = true;
        return 0;
    }
}

void Outgoing::add_block(const Block& block) {
    if (const std::size_t gap = gap_before_block(bytes_); gap > 0 && !parts_.empty()) {
        parts_.push_back({zeros, gap, Dtype::u8});
        bytes_ += gap;
    }
    Part part;
    part.dtype = block.storage->dtype();
    if (block.is_alone()) {
        const Tensor& tensor = tensors_[block.last_tensor].tensor;
        part.data = tensor.data();
        part.count = static_cast<std::size_t>(tensor.count());
        if (!tensor.is_contiguous()) {
            part.sizes = {tensor.sizes, static_cast<std::size_t>(tensor.dims)};
            part.strides = {tensor.strides, static_cast<std::size_t>(tensor.dims)};
        }
    } else {
        part.data = block.storage->data() + block.from * std::int64_t(size_of(part.dtype));
        part.count = static_cast<std::size_t>(block.to - block.from);
    }
    bytes_ += part.bytes();
    parts_.push_back(part);
}

// As parcel_format.hpp says.
void Outgoing::describe(Encoder& encoder) const {
    for (const Block& block : blocks_) {
        const bool is_alone = block.is_alone();
        const std::int64_t count =
            is_alone ? tensors_[block.last_tensor].tensor.count() : block.to - block.from;
        encoder.number(static_cast<std::uint64_t>(count));
        encoder.number(static_cast<std::uint8_t>(block.storage->dtype()));
    }
    for (const Entry& entry : tensors_) {
        const Block& block = blocks_[entry.block];
        const Tensor& tensor = entry.tensor;
        const bool is_contiguous = block.is_alone() || tensor.is_contiguous();
        const std::int64_t offset =
            block.is_alone() || tensor.count() == 0 ? 0 : tensor.offset - block.from;
        encoder.number(entry.block);
        encoder.number(offset);
        encoder.number(static_cast<std::uint8_t>(tensor.dims));
        encoder.number(static_cast<std::uint8_t>(is_contiguous));
        for (int d = 0; d < tensor.dims; ++d) encoder.number(tensor.sizes[d]);
        for (int d = 0; d < tensor.dims && !is_contiguous; ++d) encoder.number(tensor.strides[d]);
    }
}

void Outgoing::append_description() {
    Encoder encoder;
    describe(encoder);
    const Bytes tokens_taken = tokens.take();
    encoder.bytes({reinterpret_cast<const char*>(tokens_taken.data()), tokens_taken.size()});
    Bytes described = encoder.take();
    const bool is_simple =
        blocks_.size() == 1 && tensors_.size() <= 1 && tokens_taken.size() == simple_tokens_bytes;
    const std::size_t length = described.size() + parcel_footer_bytes;
    // Behind one tensor: so many bytes, whatever it is, and of its dtype.
    description_.assign(is_simple ? parcel_trailer_bytes - length : 0, 0);
    description_.insert(description_.end(), described.begin(), described.end());
    Encoder footer;
    footer.number(static_cast<std::uint64_t>(described.size()));
    footer.number(static_cast<std::uint32_t>(blocks_.size()));
    footer.number(static_cast<std::uint32_t>(tensors_.size()));
    footer.number(parcel_magic);
    const Bytes end = footer.take();
    description_.insert(description_.end(), end.begin(), end.end());
    const Dtype dtype = is_simple ? blocks_[0].storage->dtype() : Dtype::u8;
    parts_.push_back({description_.data(), description_.size() / size_of(dtype), dtype});
    bytes_ += description_.size();
}

void Outgoing::pack() {
    if (out_of_memory_ || tokens.is_out_of_memory()) throw std::bad_alloc();
    for (Block& block : blocks_) {
        if (!block.is_whole) continue;
        block.from = 0;
        block.to = static_cast<std::int64_t>(block.storage->count());
    }
    parts_.reserve(2 * blocks_.size() + 1);
    for (const Block& block : blocks_) add_block(block);
    append_description();
}

void Outgoing::copy_to(std::byte* to) const {
    for (const Part& part : parts_) {
        if (part.sizes.empty()) {
            std::memcpy(to, part.data, part.bytes());
        } else {
            View from;
            from.dtype = part.dtype;
            from.data = static_cast<std::byte*>(part.data);
            from.shape.dims = static_cast<int>(part.sizes.size());
            std::copy(part.sizes.begin(), part.sizes.end(), from.shape.sizes);
            std::copy(part.strides.begin(), part.strides.end(), from.strides);
            View into = from;
            into.data = to;
            set_contiguous_strides(into.shape, into.strides);
            copy(from, into);
        }
        to += part.bytes();
    }
}

StoragePtr Outgoing::assemble(const std::shared_ptr<Heap>& heap) const {
    StoragePtr whole = Storage::create(heap, Dtype::u8, bytes_);
    copy_to(whole->data());
    return whole;
}

}  // namespace ipcrun::lua
