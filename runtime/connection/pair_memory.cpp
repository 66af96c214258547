// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/pair_memory.hpp"

#include <array>

#include "base/fail.hpp"
#include "base/own_machine.hpp"
#include "runtime/wire/pair_shape.hpp"

namespace ipcrun {

namespace {

constexpr int pair_ranks = 2;

struct PairFds {
    UniqueFd control, heap;
};

PairFds create_fds(Neighbourhood::Impl& neighbourhood, std::uint32_t mark) {
    const auto links = static_cast<int>(neighbourhood.places().count());
    const std::uint64_t arena_bytes = pair_arena_bytes(machine_memory_bytes(), links);
    return {ControlSegment::create(pair_ranks, pair_usable_cpus(count_allowed_cpus(), links + 1),
                                   arena_bytes, mark),
            create_memfd("ipcrun-heap", arena_bytes * pair_ranks)};
}

}  // namespace

MemoryPlace take_memory_place(Neighbourhood::Impl& neighbourhood) {
    auto place = neighbourhood.places().take();
    if (place == nullptr)
        fail(ErrorCode::system, "a process has {} links by memory at most", memory_links_max);
    return place;
}

std::shared_ptr<NodeMemory> create_pair_memory(Neighbourhood::Impl& neighbourhood,
                                               const MemoryPlace& place) {
    PairFds fds = create_fds(neighbourhood, *place);
    auto memory = std::make_shared<NodeMemory>(std::move(fds.control), std::move(fds.heap),
                                               neighbourhood.doorbell());
    memory->close_heap();
    return memory;
}

std::shared_ptr<NodeMemory> send_pair_memory(Neighbourhood::Impl& neighbourhood,
                                             const MemoryPlace& place, UnixChannel& channel) {
    PairFds fds = create_fds(neighbourhood, *place);
    channel.send_fds(std::array{fds.control.get(), fds.heap.get(), neighbourhood.doorbell_fd()},
                     Deadline::after(Seconds(0)));
    auto memory = std::make_shared<NodeMemory>(std::move(fds.control), std::move(fds.heap),
                                               neighbourhood.doorbell());
    memory->close_heap();
    return memory;
}

std::shared_ptr<NodeMemory> receive_pair_memory(UnixChannel& channel, Deadline deadline) {
    auto fds = channel.receive_fds(3, deadline);
    auto memory = std::make_shared<NodeMemory>(std::move(fds[0]), std::move(fds[1]),
                                               std::make_shared<Doorbell>(fds[2].get()));
    memory->close_heap();
    return memory;
}

}  // namespace ipcrun
