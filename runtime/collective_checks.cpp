// SPDX-License-Identifier: Apache-2.0
#include "runtime/collective_checks.hpp"

#include <numeric>

#include "base/fail.hpp"
#include "base/hash.hpp"
#include "runtime/communicator_block.hpp"
#include "runtime/staging.hpp"
#include "runtime/strided.hpp"

namespace ipcrun {

namespace {

using Kind = Collective::Kind;

// The elements that are equal on all members: a block, or what a member gives.
std::size_t count_of(const Collective& collective) {
    switch (collective.kind) {
        case Kind::barrier:
            return 0;
        case Kind::scatter:
        case Kind::reduce_scatter:
            return collective.to[0].count;
        default:
            return collective.from[0].count;
    }
}

Dtype dtype_of(const Collective& collective) {
    if (is_about_lists(collective.kind) && collective.from.size() != 1) return Dtype::u8;
    return collective.kind == Kind::scatter ? collective.to[0].dtype : collective.from[0].dtype;
}

void check_count(const Collective& collective, const char* what, std::size_t count,
                 std::size_t expected) {
    if (count != expected)
        fail(ErrorCode::usage, "{}: `{}` has {} elements; {} are needed", name_of(collective.kind),
             what, count, expected);
}

void check_dtypes(const Collective& collective, int rank) {
    const Part& from = collective.from[0];
    const Part& to = collective.to[0];
    if (gives(collective, rank) && gets(collective, rank) && from.dtype != to.dtype)
        fail(ErrorCode::usage, "{}: `from` has elements of {}, `to` of {}",
             name_of(collective.kind), name_of(from.dtype), name_of(to.dtype));
}

void check_blocks(const Collective& collective, int rank, int size) {
    const auto n = static_cast<std::size_t>(size);
    const Part& from = collective.from[0];
    const Part& to = collective.to[0];
    const bool is_source = gives(collective, rank);
    const bool is_result = gets(collective, rank);
    switch (collective.kind) {
        case Kind::allgather:
        case Kind::gather:
            if (is_result) check_count(collective, "to", to.count, n * from.count);
            break;
        case Kind::scatter:
        case Kind::reduce_scatter:
            if (is_source) check_count(collective, "from", from.count, n * to.count);
            break;
        default:
            check_count(collective, "to", to.count, from.count);
            if (from.count % n != 0)
                fail(ErrorCode::usage, "alltoall: {} elements cannot be cut into {} equal blocks",
                     from.count, n);
    }
}

void check_varying_counts(const Collective& collective, int size) {
    if (collective.kind != Kind::alltoall) return;
    const auto n = static_cast<std::size_t>(size);
    for (const auto& [name, counts, part] :
         {std::tuple("from", collective.from_counts, collective.from[0]),
          std::tuple("to", collective.to_counts, collective.to[0])}) {
        if (counts.size() != n)
            fail(ErrorCode::usage, "alltoallv: `{}` has counts for {} members of {}", name,
                 counts.size(), n);
        check_count(collective, name, part.count,
                    std::accumulate(counts.begin(), counts.end(), std::size_t{0}));
    }
}

void check_lists(const Collective& collective, int rank) {
    if (collective.kind != Kind::reduce || !gets(collective, rank)) return;
    bool equal = collective.from.size() == collective.to.size();
    for (std::size_t i = 0; equal && i < collective.from.size(); ++i)
        equal = collective.from[i].count == collective.to[i].count &&
                collective.from[i].dtype == collective.to[i].dtype;
    if (!equal) fail(ErrorCode::usage, "reduce: `from` and `to` differ in number, counts or types");
}

// Equal lists on all ranks, or a mismatch.
std::uint64_t hash_of(std::span<const Part> parts, std::uint64_t layout) {
    Hash hash;
    hash.add(layout);
    for (const Part& part : parts) {
        hash.add(part.count);
        hash.add(static_cast<std::uint64_t>(part.dtype));
    }
    return hash.value();
}

// What no name stands for, or lies nowhere: a cast or a value that was never set.
void check_values(const Collective& collective) {
    if (collective.kind > Kind::alltoall)
        fail(ErrorCode::usage, "run a collective: there is no kind {}",
             static_cast<int>(collective.kind));
    if (collective.op > Op::bxor)
        fail(ErrorCode::usage, "{}: there is no operator {}", name_of(collective.kind),
             static_cast<int>(collective.op));
    for (const std::span<const Part> parts : {collective.from, collective.to})
        for (const Part& part : parts) {
            if (static_cast<int>(part.dtype) >= dtype_count)
                fail(ErrorCode::usage, "{}: there is no dtype {}", name_of(collective.kind),
                     static_cast<int>(part.dtype));
            if (part.data == nullptr && part.count != 0)
                fail(ErrorCode::usage, "{}: a part has {} elements and no memory",
                     name_of(collective.kind), part.count);
        }
}

std::string describe_call(const Fingerprint& print) {
    if ((print.flags & Fingerprint::splits) != 0) return "split()";
    const std::string what = (print.flags & Fingerprint::many_parts) != 0 ? "several values"
                             : (print.flags & Fingerprint::laid_out) != 0 ? "any value"
                             : (print.flags & Fingerprint::varying) != 0
                                 ? fmt::format("{}, counts vary", name_of(Dtype(print.dtype)))
                                 : fmt::format("{} {}", print.shape, name_of(Dtype(print.dtype)));
    const auto kind = static_cast<Kind>(print.kind);
    const auto op = name_of(Op(print.op));
    switch (kind) {
        case Kind::barrier:
            return "barrier()";
        case Kind::allreduce:
        case Kind::reduce_scatter:
            return fmt::format("{}({}, {})", name_of(kind), what, op);
        case Kind::reduce:
            return fmt::format("reduce({}, {}, root {})", what, op, print.root);
        case Kind::broadcast:
        case Kind::gather:
        case Kind::scatter:
            return fmt::format("{}({}, root {})", name_of(kind), what, print.root);
        case Kind::allgather:
        case Kind::alltoall:
            return fmt::format("{}({})", name_of(kind), what);
    }
    return "an operation";
}

}  // namespace

void check_call(const Collective& collective, int rank, int size) {
    const Kind kind = collective.kind;
    if (kind == Kind::barrier) return;
    check_values(collective);
    if (collective.root < 0 || collective.root >= size)
        fail(ErrorCode::usage, "{}: the root is rank {}, and there are ranks 0 to {}",
             name_of(kind), collective.root, size - 1);
    if (!is_about_lists(kind)) check_dtypes(collective, rank);
    if (is_about_lists(kind))
        check_lists(collective, rank);
    else if (collective.varying)
        check_varying_counts(collective, size);
    else
        check_blocks(collective, rank, size);
    if (is_reduction(kind))
        for (const Part& part : collective.from)
            if (!is_defined(collective.op, part.dtype))
                fail(ErrorCode::usage, "{}: '{}' is not defined for elements of {}", name_of(kind),
                     name_of(collective.op), name_of(part.dtype));
    const bool in_place = is_in_place(collective);
    for (const Part& part : collective.from)
        if (is_strided(part)) check_strides(part, in_place && gets(collective, rank));
    if (!in_place && gets(collective, rank))
        for (const Part& part : collective.to)
            if (is_strided(part)) check_strides(part, true);
}

Fingerprint fingerprint_of(const Collective& collective) {
    Fingerprint result;
    result.kind = static_cast<std::uint8_t>(collective.kind);
    result.op = static_cast<std::uint8_t>(collective.op);
    result.root = static_cast<std::uint32_t>(collective.root);
    if (collective.kind == Collective::Kind::barrier) return result;
    result.dtype = static_cast<std::uint8_t>(dtype_of(collective));
    if (collective.varying) {
        result.flags = Fingerprint::varying;
        result.shape = collective.layout;
    } else if (is_about_lists(collective.kind) &&
               (collective.from.size() != 1 || collective.layout != 0)) {
        result.flags = Fingerprint::many_parts;
        result.shape = hash_of(collective.from, collective.layout);
    } else {
        result.shape = count_of(collective);
        if (collective.layout != 0) {
            result.flags = Fingerprint::laid_out;
            result.shape ^= collective.layout;
        }
    }
    if (collective.splits) result.flags |= Fingerprint::splits;
    return result;
}

std::string describe(const Fingerprint& print) {
    const bool is_deterministic = (print.flags & Fingerprint::deterministic) != 0;
    return describe_call(print) + (is_deterministic ? " with IPCRUN_DETERMINISTIC=1" : "");
}

bool travels_inline(const Collective& collective, int size) {
    if (collective.kind == Kind::barrier) return true;
    if (collective.varying) return false;
    std::size_t bytes = 0;
    if (collective.kind == Kind::scatter)
        bytes = collective.to[0].bytes() * static_cast<std::size_t>(size);
    else
        for (const Part& part : collective.from) bytes += padded_inline(part.bytes());
    return bytes <= inline_bytes_max;
}

}  // namespace ipcrun
