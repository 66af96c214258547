// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/exact_reduce.hpp"

#include "runtime/message_steps.hpp"
#include "runtime/parts.hpp"
#include "runtime/world/host_alltoall.hpp"
#include "runtime/world/host_segments.hpp"

namespace ipcrun {

namespace {

// Bounds the memory that an operation needs beside that of its caller.
constexpr std::size_t segment_bytes_max = 16 << 20;

std::size_t index(int number) {
    return static_cast<std::size_t>(number);
}

// Every member gives block k of `whole` to member k. Returns what the members' values for the block
// of this one combine to.
StoragePtr combine_own_block(const HostOperation& operation, const Part& whole, Op op,
                             const BlockCounts& counts) {
    const std::size_t members = index(operation.layout.size());
    const std::size_t count = counts[index(operation.layout.own)];
    const StoragePtr values = operation.memory(whole.dtype, members * count);
    const BlockCounts own(members, count);
    alltoall_over_hosts(operation, whole, {values->data(), members * count, whole.dtype},
                        {counts, own});
    const StoragePtr result = operation.memory(whole.dtype, count);
    std::vector<const std::byte*> sources;
    for (std::size_t member = 0; member < members; ++member)
        sources.push_back(values->data() + member * count * size_of(whole.dtype));
    std::byte* const to = result->data();
    if (count != 0) reduce(op, whole.dtype, sources, {&to, 1}, count);
    return result;
}

// Memory for the elements of a segment side by side; null: they lie so as they are.
StoragePtr room_where_scattered(const HostOperation& operation, const HostSegment& segment) {
    if (segment.in_place() != nullptr) return {};
    return operation.memory(segment.dtype, segment.count);
}

void reduce_segment(const HostOperation& operation, const HostSegment& segment,
                    const HostSegment* result, const Collective& collective) {
    const StoragePtr copy = room_where_scattered(operation, segment);
    if (copy) segment.pack(copy->data());
    const Part given{copy ? copy->data() : segment.in_place(), segment.count, segment.dtype};
    const Range whole{0, segment.count};
    BlockCounts counts;
    for (int member = 0; member < operation.layout.size(); ++member)
        counts.push_back(whole.piece(index(member), index(operation.layout.size())).count());
    const StoragePtr own = combine_own_block(operation, given, collective.op, counts);
    const Part mine{own->data(), own->count(), own->dtype()};
    const int root = collective.root;
    if (result == nullptr)
        return gather_over_hosts(
            operation, Collective::gatherv(mine, {nullptr, 0, segment.dtype}, root), counts);
    const StoragePtr room = room_where_scattered(operation, *result);
    const Part all{room ? room->data() : result->in_place(), result->count, result->dtype};
    gather_over_hosts(operation, Collective::gatherv(mine, all, root), counts);
    if (room) result->unpack(room->data());
}

}  // namespace

void reduce_exactly_over_hosts(const HostOperation& operation, const Collective& collective) {
    const bool is_root = operation.layout.own == collective.root;
    const auto segments = cut_in_segments(collective.from, segment_bytes_max);
    // The same cuts, for counts and dtypes are the same.
    const auto results =
        cut_in_segments(is_root ? collective.to : std::span<const Part>(), segment_bytes_max);
    for (std::size_t i = 0; i < segments.size(); ++i)
        reduce_segment(operation, segments[i], is_root ? &results[i] : nullptr, collective);
}

void reduce_scatter_exactly_over_hosts(const HostOperation& operation, const Collective& collective,
                                       const BlockCounts& counts) {
    const StoragePtr own = combine_own_block(operation, collective.from[0], collective.op, counts);
    scatter(own->data(), collective.to);
}

}  // namespace ipcrun
