// SPDX-License-Identifier: Apache-2.0
// Taking parcels apart: none of their bytes is trusted.
#include <algorithm>
#include <cstring>
#include <limits>

#include "base/fail.hpp"
#include "bindings/lua/ipc/parcel.hpp"
#include "bindings/lua/ipc/parcel_format.hpp"
#include "bindings/lua/torch/view.hpp"

namespace ipcrun::lua {

namespace {

struct Footer {
    std::uint64_t description_bytes;
    std::uint32_t blocks;
    std::uint32_t tensors;
};

template <typename... Args>
[[noreturn]] void refuse(fmt::format_string<Args...> reason, Args&&... args) {
    fail(ErrorCode::protocol, "take a message apart: {}",
         fmt::format(reason, std::forward<Args>(args)...));
}

Footer read_footer(std::span<const std::uint8_t> parcel) {
    if (parcel.size() < parcel_footer_bytes) refuse("it has {} bytes only", parcel.size());
    Decoder decoder(parcel.last(parcel_footer_bytes));
    Footer footer{};
    footer.description_bytes = decoder.number<std::uint64_t>();
    footer.blocks = decoder.number<std::uint32_t>();
    footer.tensors = decoder.number<std::uint32_t>();
    if (decoder.number<std::uint32_t>() != parcel_magic) refuse("it is no value of Lua");
    if (footer.description_bytes > parcel.size() - parcel_footer_bytes)
        refuse("its description is longer than it");
    const std::size_t left = footer.description_bytes;
    if (footer.blocks > left / block_record_bytes ||
        footer.tensors > left / tensor_record_bytes_min)
        refuse("{} blocks and {} tensors in {} bytes", footer.blocks, footer.tensors, left);
    return footer;
}

Dtype read_dtype(Decoder& decoder) {
    const auto dtype = decoder.number<std::uint8_t>();
    if (dtype >= dtype_count) refuse("a dtype that is none");
    return static_cast<Dtype>(dtype);
}

// Sizes of 0 count as 1 here, since strides do not know them either.
void check_size(const Shape& shape) {
    std::int64_t count = 1;
    for (int d = 0; d < shape.dims; ++d)
        if (__builtin_mul_overflow(count, std::max<std::int64_t>(shape.sizes[d], 1), &count))
            refuse("a tensor that is larger than memory");
}

// The index one past the last element that a tensor of these sizes and strides has, or a refusal.
std::int64_t end_of(const Tensor& tensor) {
    std::int64_t count = 1;
    std::int64_t last = tensor.offset;
    bool overflow = false;
    for (int d = 0; d < tensor.dims; ++d) {
        std::int64_t step = 0;
        overflow |= __builtin_mul_overflow(count, tensor.sizes[d], &count);
        overflow |= __builtin_mul_overflow(std::max<std::int64_t>(tensor.sizes[d] - 1, 0),
                                           tensor.strides[d], &step);
        overflow |= __builtin_add_overflow(last, step, &last);
    }
    if (overflow || last == std::numeric_limits<std::int64_t>::max())
        refuse("a tensor that is larger than memory");
    return tensor.dims == 0 || count == 0 ? 0 : last + 1;
}

}  // namespace

void Incoming::read_block(Decoder& decoder, std::size_t offset, std::size_t& begin, std::size_t end,
                          const std::shared_ptr<Heap>& heap) {
    const auto count = decoder.number<std::uint64_t>();
    const Dtype dtype = read_dtype(decoder);
    if (begin > end || count > (end - begin) / size_of(dtype)) refuse("a block that is not in it");
    const std::byte* data = message_->data() + offset + begin;
    if (reinterpret_cast<std::uintptr_t>(data) % parcel_alignment == 0) {
        blocks_.push_back(Storage::slice(message_, offset + begin, dtype, count));
    } else {
        blocks_.push_back(Storage::create(heap, dtype, count));
        std::memcpy(blocks_.back()->data(), data, count * size_of(dtype));
    }
    begin += count * size_of(dtype);
    begin = (begin + parcel_alignment - 1) / parcel_alignment * parcel_alignment;
}

void Incoming::read_tensor(Decoder& decoder) {
    Tensor tensor;
    const auto block = decoder.number<std::uint32_t>();
    if (block >= blocks_.size()) refuse("a tensor of a block that is not there");
    tensor.storage = blocks_[block];
    tensor.offset = decoder.number<std::int64_t>();
    tensor.dims = decoder.number<std::uint8_t>();
    if (tensor.dims > tensor_dims_max) refuse("a tensor of {} dimensions", tensor.dims);
    const bool is_contiguous = decoder.boolean();
    Shape shape;
    shape.dims = tensor.dims;
    bool is_negative = tensor.offset < 0;
    for (int d = 0; d < tensor.dims; ++d) {
        tensor.sizes[d] = shape.sizes[d] = decoder.number<std::int64_t>();
        is_negative |= tensor.sizes[d] < 0;
    }
    if (is_negative) refuse("a tensor of a negative size");
    if (is_contiguous) {
        check_size(shape);
        set_contiguous_strides(shape, tensor.strides);
    }
    for (int d = 0; d < tensor.dims && !is_contiguous; ++d) {
        tensor.strides[d] = decoder.number<std::int64_t>();
        if (tensor.strides[d] < 0) refuse("a tensor of a negative stride");
    }
    const auto count = static_cast<std::int64_t>(tensor.storage->count());
    if (tensor.offset > count || end_of(tensor) > count) refuse("a tensor beyond its block");
    tensors_.push_back(std::move(tensor));
}

void Incoming::open(const StoragePtr& message, std::size_t offset, std::size_t bytes,
                    const std::shared_ptr<Heap>& heap) {
    message_ = message;
    const auto* start = reinterpret_cast<const std::uint8_t*>(message->data()) + offset;
    const std::span<const std::uint8_t> parcel(start, bytes);
    const Footer footer = read_footer(parcel);
    const std::size_t payload = bytes - parcel_footer_bytes - footer.description_bytes;
    Decoder decoder(parcel.subspan(payload, footer.description_bytes));
    std::size_t begin = 0;
    blocks_.reserve(footer.blocks);
    for (std::uint32_t i = 0; i < footer.blocks; ++i)
        read_block(decoder, offset, begin, payload, heap);
    tensors_.reserve(footer.tensors);
    for (std::uint32_t i = 0; i < footer.tensors; ++i) read_tensor(decoder);
    tokens_ = TokenReader(decoder.rest(), footer.tensors, footer.blocks);
}

void check_trailer(std::span<const std::uint8_t> trailer, Dtype dtype, std::size_t count) {
    Decoder footer(trailer.last(parcel_footer_bytes));
    const auto description_bytes = footer.number<std::uint64_t>();
    const auto blocks = footer.number<std::uint32_t>();
    (void)footer.number<std::uint32_t>();
    const bool is_parcel = footer.number<std::uint32_t>() == parcel_magic;
    if (is_parcel && blocks == 1 && description_bytes <= trailer.size() - parcel_footer_bytes &&
        description_bytes >= block_record_bytes) {
        Decoder block(trailer.subspan(trailer.size() - parcel_footer_bytes - description_bytes));
        const auto elements = block.number<std::uint64_t>();
        if (elements == count && block.number<std::uint8_t>() == static_cast<std::uint8_t>(dtype))
            return;
    }
    fail(ErrorCode::mismatch,
         "receive_into: the message was not one tensor of {} {}; the tensor's contents are lost",
         count, name_of(dtype));
}

}  // namespace ipcrun::lua
