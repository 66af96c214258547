// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What all members of a communicator do together, as a value: to be run, or started and waited
/// for, by a Communicator.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "runtime/part.hpp"
#include "runtime/reduce.hpp"

namespace ipcrun {

/// A collective operation. Borrows all spans until it has been run or started, and the memory of
/// its parts until it is done. All members give the same kind, op, root and dtype, and equal counts
/// but where a name ends in v: there members give counts of their own, and blocks lie in the order
/// of ranks, without gaps.
struct Collective {
    enum class Kind : std::uint8_t {
        barrier,
        allreduce,
        broadcast,
        reduce,
        reduce_scatter,
        allgather,
        gather,
        scatter,
        alltoall,
    };

    Kind kind = Kind::barrier;
    Op op = Op::sum;
    int root = 0;
    std::span<const Part> from = {};  ///< what this member gives
    std::span<const Part> to = {};    ///< what it gets; the same as `from` when in place
    bool varying = false;             ///< counts differ from member to member
    std::span<const std::size_t> from_counts = {};  ///< alltoallv: elements for each member
    std::span<const std::size_t> to_counts = {};    ///< alltoallv: elements of each member
    /// A hash of what the parts are to the caller (the keys of a table, say), 0 for nothing in
    /// particular: members must agree on it too.
    std::uint64_t layout = 0;
    bool splits = false;  ///< a step of Communicator::split, for those who read errors

    /// Done when every member has come to it. Cost: one exchange of flags.
    static Collective barrier() { return {}; }

    /// Combines the parts element by element over all members, in place, as one operation: all
    /// members then hold the same bits (reduce() names the order of summation; over hosts it is
    /// kept in deterministic jobs). Cost: up to 1 KiB one exchange of flags and n reads; above, n
    /// reads and n writes of every byte, shared out among the members, which is the minimum.
    static Collective allreduce(std::span<const Part> parts, Op op) {
        return {.kind = Kind::allreduce, .op = op, .from = parts, .to = parts};
    }

    /// Copies the parts of member `root` to those of all others.
    static Collective broadcast(std::span<const Part> parts, int root) {
        return {.kind = Kind::broadcast, .root = root, .from = parts, .to = parts};
    }

    /// As allreduce, with the result in `to` of member `root`; others may leave `to` empty. `from`
    /// is only read; at the root it may be `to`.
    static Collective reduce(std::span<const Part> from, std::span<const Part> to, Op op,
                             int root) {
        return {.kind = Kind::reduce, .op = op, .root = root, .from = from, .to = to};
    }

    /// Combines `from`, which is n blocks, over all members; member k gets block k of the result.
    /// v: block k has as many elements as `to` of member k.
    static Collective reduce_scatter(const Part& from, const Part& to, Op op) {
        return {.kind = Kind::reduce_scatter, .op = op, .from = {&from, 1}, .to = {&to, 1}};
    }
    static Collective reduce_scatterv(const Part& from, const Part& to, Op op) {
        Collective result = reduce_scatter(from, to, op);
        result.varying = true;
        return result;
    }

    /// Puts the `from` of all members side by side into every `to`. `from` may be its own place
    /// there.
    static Collective allgather(const Part& from, const Part& to) {
        return {.kind = Kind::allgather, .from = {&from, 1}, .to = {&to, 1}};
    }
    static Collective allgatherv(const Part& from, const Part& to) {
        Collective result = allgather(from, to);
        result.varying = true;
        return result;
    }

    /// As allgather, into `to` of member `root` alone; others give an empty Part.
    static Collective gather(const Part& from, const Part& to, int root) {
        return {.kind = Kind::gather, .root = root, .from = {&from, 1}, .to = {&to, 1}};
    }
    static Collective gatherv(const Part& from, const Part& to, int root) {
        Collective result = gather(from, to, root);
        result.varying = true;
        return result;
    }

    /// Member k gets block k of `from` of member `root`; others give an empty `from`. v: block k
    /// has as many elements as `to` of member k.
    static Collective scatter(const Part& from, const Part& to, int root) {
        return {.kind = Kind::scatter, .root = root, .from = {&from, 1}, .to = {&to, 1}};
    }
    static Collective scatterv(const Part& from, const Part& to, int root) {
        Collective result = scatter(from, to, root);
        result.varying = true;
        return result;
    }

    /// Block j of `from` of member i becomes block i of `to` of member j. v: the counts of the
    /// blocks are given; from_counts[j] of i equals to_counts[i] of j.
    static Collective alltoall(const Part& from, const Part& to) {
        return {.kind = Kind::alltoall, .from = {&from, 1}, .to = {&to, 1}};
    }
    static Collective alltoallv(const Part& from, std::span<const std::size_t> from_counts,
                                const Part& to, std::span<const std::size_t> to_counts) {
        Collective result = alltoall(from, to);
        result.varying = true;
        result.from_counts = from_counts;
        result.to_counts = to_counts;
        return result;
    }
};

std::string_view name_of(Collective::Kind kind);

}  // namespace ipcrun
