// SPDX-License-Identifier: Apache-2.0
#include "runtime/node_memory.hpp"

#include "base/fail.hpp"

namespace ipcrun {

NodeMemory::NodeMemory(UniqueFd control, UniqueFd heap, std::shared_ptr<Doorbell> doorbell)
    : control_(control.get()),
      heap_(std::move(heap)),
      mappings_(control_.ranks()),
      arenas_(std::make_unique<std::atomic<std::byte*>[]>(control_.ranks())) {
    if (memfd_bytes(heap_.get()) != arena_bytes() * control_.ranks())
        fail(ErrorCode::protocol, "map the shared heap: it has the wrong size");
    if (doorbell != nullptr) control_.add_doorbell(0, std::move(doorbell));
}

std::shared_ptr<NodeMemory> NodeMemory::create(int ranks, int cpus, std::uint64_t arena_bytes) {
    return std::make_shared<NodeMemory>(ControlSegment::create(ranks, cpus, arena_bytes),
                                        create_memfd("ipcrun-heap", arena_bytes * ranks));
}

std::byte* NodeMemory::arena(int rank) {
    std::byte* mapped = arenas_[rank].load(std::memory_order_acquire);
    if (mapped != nullptr) [[likely]]
        return mapped;
    const std::lock_guard lock(mutex_);
    if (!mappings_[rank])
        mappings_[rank] = Mapping(heap_.get(), rank * arena_bytes(), arena_bytes());
    arenas_[rank].store(mappings_[rank].data(), std::memory_order_release);
    return mappings_[rank].data();
}

void NodeMemory::close_heap() {
    for (int rank = 0; rank < control_.ranks(); ++rank) (void)arena(rank);
    heap_.reset();
}

std::optional<HeapRef> NodeMemory::locate(const void* data, std::size_t bytes) const {
    const auto* first = static_cast<const std::byte*>(data);
    for (int rank = 0; rank < control_.ranks(); ++rank) {
        const std::byte* start = arenas_[rank].load(std::memory_order_acquire);
        if (start == nullptr || first < start || first + bytes > start + arena_bytes()) continue;
        return HeapRef{static_cast<std::uint32_t>(rank), 0,
                       static_cast<std::uint64_t>(first - start)};
    }
    return std::nullopt;
}

std::byte* NodeMemory::resolve(const HeapRef& ref, std::size_t bytes) {
    if (ref.kind != 0 || ref.arena >= control_.header().ranks || ref.offset > arena_bytes() ||
        bytes > arena_bytes() - ref.offset)
        fail(ErrorCode::protocol,
             "read memory of a peer: the reference is outside the shared heap");
    return arena(static_cast<int>(ref.arena)) + ref.offset;
}

}  // namespace ipcrun
