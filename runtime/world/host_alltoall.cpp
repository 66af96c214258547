// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_alltoall.hpp"

#include "runtime/parts.hpp"
#include "runtime/world/host_exchange.hpp"

namespace ipcrun {

namespace {

// One block a member.
std::vector<Part> blocks_of(const Part& whole, std::span<const std::size_t> counts) {
    std::vector<Part> result;
    auto* next = static_cast<std::byte*>(whole.data);
    for (const std::size_t count : counts) {
        result.push_back({next, count, whole.dtype});
        if (count != 0) next += result.back().bytes();
    }
    return result;
}

// Those of members here, side by side in memory of their own.
struct LocalBlocks {
    LocalBlocks(const HostOperation& operation, const std::vector<Part>& all, Dtype dtype) {
        std::size_t total = 0;
        for (const int member : operation.layout.here()) {
            blocks.push_back(all[static_cast<std::size_t>(member)]);
            counts.push_back(blocks.back().count);
            total += counts.back();
        }
        memory = operation.memory(dtype, total);
    }
    Part part() const { return {memory->data(), memory->count(), memory->dtype()}; }

    std::vector<Part> blocks;  // where they belong
    std::vector<std::size_t> counts;
    StoragePtr memory;
};

}  // namespace

void alltoall_over_hosts(const HostOperation& operation, const Part& given, const Part& wanted,
                         const AlltoallCounts& counts) {
    const HostLayout& layout = operation.layout;
    const PackedParts from(operation, {&given, 1}, true), to(operation, {&wanted, 1}, false);
    const std::vector<Part> out = blocks_of(from.parts()[0], counts.from);
    const std::vector<Part> in = blocks_of(to.parts()[0], counts.to);
    const int own = layout.own, size = layout.size();
    HostExchange exchange(operation, HostOperation::blocks);
    for (int step = 1; step < size; ++step) {
        const int source = (own + size - step) % size, target = (own + step) % size;
        const Part& theirs = in[static_cast<std::size_t>(source)];
        const Part& ours = out[static_cast<std::size_t>(target)];
        if (!layout.is_here(source) && theirs.count != 0) exchange.receive({&theirs, 1}, source);
        if (!layout.is_here(target) && ours.count != 0) exchange.send({&ours, 1}, target);
    }
    const LocalBlocks local_out(operation, out, given.dtype);
    const LocalBlocks local_in(operation, in, wanted.dtype);
    gather(local_out.blocks, local_out.memory->data());
    operation.run_here(Collective::alltoallv(local_out.part(), local_out.counts, local_in.part(),
                                             local_in.counts));
    scatter(local_in.memory->data(), local_in.blocks);
    exchange.finish();
    to.store();
}

}  // namespace ipcrun
