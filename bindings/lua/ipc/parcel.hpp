// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A value on its way between Lua states: the memory of its tensors and storages, and a description
/// behind it. In this order:
///   blocks       each a multiple of parcel_alignment bytes from the start, so that the receiver's
///                tensors are views of the message as it came
///   description  blocks, then tensors, then the tokens of the value
///   footer       what is where
/// A parcel of one tensor or storage alone ends in parcel_trailer_bytes behind its elements, which
/// count as elements of its dtype: so it can also be received straight into a tensor.

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/bytes.hpp"
#include "bindings/lua/ipc/carrier.hpp"
#include "runtime/part.hpp"

namespace ipcrun::lua {

constexpr std::size_t parcel_alignment = 64;
constexpr std::size_t parcel_trailer_bytes = 192;

/// Collects a value, then gives it as parts. Holds what it is made of.
class Outgoing final : public Carrier {
  public:
    std::uint32_t add_tensor(const Tensor& tensor) noexcept override;
    std::uint32_t add_storage(const StoragePtr& storage) noexcept override;
    bool takes_handles() const override { return false; }
    std::uint32_t add_handle(const Holder&) noexcept override { return 0; }
    void clear() override { *this = Outgoing(); }

    /// Lays all out. A tensor that is alone in its storage goes with its own elements, side by
    /// side; those that share one go as they are, with the elements between them. Throws, also for
    /// memory that ran out before.
    void pack();
    /// Borrowed from this object, and good for as long as it lives.
    const std::vector<Part>& parts() const { return parts_; }
    std::size_t bytes() const { return bytes_; }

    /// Copies the parts side by side, to `heap` if possible; `assemble` makes the memory for it.
    /// Throws.
    void copy_to(std::byte* to) const;
    /// The same, in new memory of `heap` if possible. Throws std::bad_alloc.
    StoragePtr assemble(const std::shared_ptr<Heap>& heap) const;

  private:
    struct Block {
        StoragePtr storage;
        std::int64_t from = 0;  // the elements that go
        std::int64_t to = 0;
        std::uint32_t tensors = 0;
        std::uint32_t last_tensor = 0;
        bool is_whole = false;  // as a storage, too
        bool is_alone() const { return tensors == 1 && !is_whole; }
    };
    struct Entry {
        Tensor tensor;
        std::uint32_t block;
    };
    std::uint32_t block_of(const StoragePtr& storage);
    void add_block(const Block& block);
    void describe(Encoder& encoder) const;
    void append_description();

    std::vector<Block> blocks_;
    std::vector<Entry> tensors_;
    std::unordered_map<const Storage*, std::uint32_t> block_indices_;
    Bytes description_;
    std::vector<Part> parts_;
    std::size_t bytes_ = 0;
    bool out_of_memory_ = false;
};

/// Takes a parcel apart. Whatever its bytes are, tensors and blocks lie within it.
class Incoming final : public Cargo {
  public:
    /// The parcel lies in `message`, which its blocks keep alive. Memory that is not aligned is
    /// copied, to `heap` if possible. Throws Error{protocol} for what is no parcel.
    void open(const StoragePtr& message, std::size_t offset, std::size_t bytes,
              const std::shared_ptr<Heap>& heap);

    const Tensor& tensor(std::uint32_t index) const override { return tensors_[index]; }
    const StoragePtr& block(std::uint32_t index) const override { return blocks_[index]; }
    const Holder& handle(std::uint32_t) const override { return no_handle_; }

  private:
    void read_block(Decoder& decoder, std::size_t offset, std::size_t& begin, std::size_t end,
                    const std::shared_ptr<Heap>& heap);
    void read_tensor(Decoder& decoder);

    StoragePtr message_;
    std::vector<StoragePtr> blocks_;
    std::vector<Tensor> tensors_;
    Holder no_handle_;  // the tokens of a parcel can name none
};

/// Checks the end of a parcel of one tensor or storage alone, whose elements went elsewhere. Throws
/// Error{mismatch} when it was another parcel.
void check_trailer(std::span<const std::uint8_t> trailer, Dtype dtype, std::size_t count);

}  // namespace ipcrun::lua
