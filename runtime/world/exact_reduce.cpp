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

// Values of all members that the root combines by itself: shares of so little are not worth the
// messages.
constexpr std::size_t gathered_bytes_max = 256 << 10;

std::size_t index(int number) {
    return static_cast<std::size_t>(number);
}

// Of all members, side by side.
void combine_values(const StoragePtr& values, const Part& to, Op op) {
    if (to.count == 0) return;
    std::vector<const std::byte*> sources;
    for (std::size_t first = 0; first < values->count(); first += to.count)
        sources.push_back(values->data() + first * size_of(to.dtype));
    auto* const target = static_cast<std::byte*>(to.data);
    reduce(op, to.dtype, sources, {&target, 1}, to.count);
}

Part part_of(const StoragePtr& storage) {
    return {storage->data(), storage->count(), storage->dtype()};
}

// Every member gives block k of `whole` to member k. Returns what the members' values for the block
// of this one combine to.
StoragePtr combine_own_block(const HostOperation& operation, const Part& whole, Op op,
                             const BlockCounts& counts) {
    const std::size_t members = index(operation.layout.size());
    const std::size_t count = counts[index(operation.layout.own)];
    const StoragePtr values = operation.memory(whole.dtype, members * count);
    const BlockCounts own(members, count);
    alltoall_over_hosts(operation, whole, part_of(values), {counts, own});
    const StoragePtr result = operation.memory(whole.dtype, count);
    combine_values(values, part_of(result), op);
    return result;
}

// Memory for the elements of a segment side by side; null: they lie so as they are.
StoragePtr room_where_scattered(const HostOperation& operation, const HostSegment& segment) {
    if (segment.in_place() != nullptr) return {};
    return operation.memory(segment.dtype, segment.count);
}

// `to` is the root's.
void reduce_at_root(const HostOperation& operation, const Part& given, const Part& to, Op op,
                    int root) {
    const bool is_root = operation.layout.own == root;
    const std::size_t members = index(operation.layout.size());
    const StoragePtr values = operation.memory(given.dtype, is_root ? members * given.count : 0);
    gather_over_hosts(operation, Collective::gather(given, part_of(values), root),
                      BlockCounts(members, given.count));
    if (is_root) combine_values(values, to, op);
}

void reduce_by_shares(const HostOperation& operation, const Part& given, const Part& to, Op op,
                      int root) {
    const Range whole{0, given.count};
    const std::size_t members = index(operation.layout.size());
    BlockCounts counts;
    for (std::size_t member = 0; member < members; ++member)
        counts.push_back(whole.piece(member, members).count());
    const StoragePtr own = combine_own_block(operation, given, op, counts);
    gather_over_hosts(operation, Collective::gatherv(part_of(own), to, root), counts);
}

// `result`: null where this member is not the root.
void reduce_segment(const HostOperation& operation, const HostSegment& segment,
                    const HostSegment* result, const Collective& collective) {
    const StoragePtr copy = room_where_scattered(operation, segment);
    if (copy) segment.pack(copy->data());
    const Part given =
        copy ? part_of(copy) : Part{segment.in_place(), segment.count, segment.dtype};
    StoragePtr room;
    Part to{nullptr, 0, segment.dtype};
    if (result != nullptr) {
        room = room_where_scattered(operation, *result);
        to = room ? part_of(room) : Part{result->in_place(), result->count, result->dtype};
    }
    const bool is_small = given.bytes() * index(operation.layout.size()) <= gathered_bytes_max;
    const auto reduce_it = is_small ? reduce_at_root : reduce_by_shares;
    reduce_it(operation, given, to, collective.op, collective.root);
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
