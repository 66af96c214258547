// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Every kind of collective operation against what it must give, bit by bit: for ranks that are
/// threads of a test, and for those of a real job. What is wrong is thrown as Error{internal}.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/communicator.hpp"
#include "runtime/heap.hpp"

namespace ipcrun::test {

struct Self {
    Communicator& world;
    std::shared_ptr<Heap> heap;
};

using Bytes = std::vector<std::byte>;

enum class Where { heap, private_memory, misaligned, strided };
constexpr Where all_places[] = {Where::heap, Where::private_memory, Where::misaligned,
                                Where::strided};
const char* name_of(Where where);

void expect(bool holds, const std::string& text);

/// Elements somewhere, with bytes around and between them that nobody may touch.
class Buffer {
  public:
    Buffer(Self self, Where where, Dtype dtype, std::size_t count);
    Buffer(const Buffer&) = delete;
    ~Buffer();

    const Part& part() const { return part_; }
    /// Writes and reads the elements, side by side.
    void put(const Bytes& elements);
    Bytes get() const;
    bool is_untouched_around() const;

  private:
    std::size_t position(std::size_t element) const;

    std::shared_ptr<Heap> heap_;
    Where where_;
    Bytes own_;
    std::byte* start_ = nullptr;
    std::size_t bytes_ = 0;
    std::int64_t sizes_[2] = {}, strides_[2] = {};
    Part part_;
};

/// Any bits at all, the same for equal arguments.
Bytes pattern(Dtype dtype, std::size_t count, std::uint64_t seed);

/// allreduce, reduce and reduce_scatter of `count` elements (a block each in the last; of all
/// together when `count` is large).
void check_reductions(Self self, Op op, Dtype dtype, std::size_t count, Where where);

/// broadcast, allgather, gather, scatter and alltoall of blocks of `count` elements.
void check_moves(Self self, Dtype dtype, std::size_t count, Where from, Where to);

/// allgatherv, gatherv, scatterv, alltoallv and reduce_scatterv of blocks of about `count`
/// elements, some of them empty.
void check_varying(Self self, Dtype dtype, std::size_t count, Where from, Where to);

}  // namespace ipcrun::test
