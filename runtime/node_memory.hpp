// SPDX-License-Identifier: Apache-2.0
#pragma once
/// All memory that the ranks of one node share: the control segment, and the shared heap with one
/// arena per rank. One per process; ranks that are threads of a process share it.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/mapping.hpp"
#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

/// Names bytes of the shared heap in a way that holds in every process of the node.
struct HeapRef {
    std::uint32_t arena = 0;   ///< the rank in whose arena they lie
    std::uint32_t kind = 0;    ///< 0: heap. Private memory and CUDA memory will be others.
    std::uint64_t offset = 0;  ///< from the start of the arena, in bytes
};
static_assert(sizeof(HeapRef) == 16);

class NodeMemory {
  public:
    /// Maps what an agent made. The heap is one sparse memfd of ranks x arena_bytes: one descriptor
    /// for the whole node, however many ranks.
    /// `doorbell` (may be null) is that of rank 0.
    NodeMemory(UniqueFd control, UniqueFd heap, std::shared_ptr<Doorbell> doorbell = nullptr);

    /// Makes both for ranks that live in this process: a world of one, or tests.
    static std::shared_ptr<NodeMemory> create(int ranks, int cpus, std::uint64_t arena_bytes);

    const ControlSegment& control() const { return control_; }
    std::uint64_t arena_bytes() const { return control_.header().arena_bytes; }
    int heap_fd() const { return heap_.get(); }
    /// Maps all arenas, and closes the descriptor: for few ranks, where there are many of these.
    /// Throws Error{system} when address space is short.
    void close_heap();

    /// The first byte of a rank's arena here; mapped at the first call. Any thread. Throws
    /// Error{system} when address space is short.
    std::byte* arena(int rank);

    /// Where `data` lies in the shared heap; nullopt for memory elsewhere. O(ranks mapped here).
    std::optional<HeapRef> locate(const void* data, std::size_t bytes) const;

    /// The bytes that a reference of a peer names. Throws Error{protocol} beyond the heap.
    std::byte* resolve(const HeapRef& ref, std::size_t bytes);

  private:
    ControlSegment control_;
    UniqueFd heap_;
    std::mutex mutex_;  // guards mappings_ while an arena is mapped
    std::vector<Mapping> mappings_;
    std::unique_ptr<std::atomic<std::byte*>[]> arenas_;
};

}  // namespace ipcrun
