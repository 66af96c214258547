// SPDX-License-Identifier: Apache-2.0
// Allreduce and broadcast: what all sizes share, and the small ones.
#include <cstring>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "runtime/communicator.hpp"

namespace ipcrun {

namespace {

constexpr std::uint8_t many_parts = 1;  // Fingerprint::flags: shape is a hash

// Parts lie side by side in a payload, each aligned for any element.
constexpr std::size_t padded(std::size_t bytes) {
    return (bytes + 7) / 8 * 8;
}

std::size_t packed_bytes(std::span<const Part> parts) {
    std::size_t bytes = 0;
    for (const Part& part : parts) bytes += padded(part.bytes());
    return bytes;
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

void check_alignment(std::span<const Part> parts) {
    for (const Part& part : parts)
        if (reinterpret_cast<std::uintptr_t>(part.data) % size_of(part.dtype) != 0)
            fail(ErrorCode::usage, "work on elements of {}: the memory is not aligned for them",
                 name_of(part.dtype));
}

}  // namespace

Fingerprint Communicator::fingerprint(Kind kind, std::span<const Part> parts, Op op, int root,
                                      std::uint64_t layout) {
    Fingerprint result;
    result.kind = static_cast<std::uint8_t>(kind);
    result.op = static_cast<std::uint8_t>(op);
    result.root = static_cast<std::uint32_t>(root);
    if (parts.size() == 1 && layout == 0) {
        result.dtype = static_cast<std::uint8_t>(parts[0].dtype);
        result.shape = parts[0].count;
    } else if (parts.size() > 1 || layout != 0) {
        result.flags = many_parts;
        result.shape = hash_of(parts, layout);
    }
    return result;
}

void Communicator::allreduce(std::span<const Part> parts, Op op, Deadline deadline, CallSite site,
                             std::uint64_t layout) {
    collective(fingerprint(Kind::allreduce, parts, op, 0, layout), parts, deadline, site);
}

void Communicator::broadcast(std::span<const Part> parts, int root, Deadline deadline,
                             CallSite site, std::uint64_t layout) {
    if (root < 0 || root >= size())
        fail(ErrorCode::usage, "broadcast: the root is rank {}, and there are ranks 0 to {}", root,
             size() - 1);
    collective(fingerprint(Kind::broadcast, parts, Op::sum, root, layout), parts, deadline, site);
}

void Communicator::collective(const Fingerprint& print, std::span<const Part> parts,
                              Deadline deadline, CallSite site) {
    check_alignment(parts);
    Operation operation{print, deadline, site};
    begin(operation);
    if (size() == 1) return;  // every combination of one is itself
    const auto kind = static_cast<Kind>(print.kind);
    const auto op = static_cast<Op>(print.op);
    const auto root = static_cast<int>(print.root);
    if (packed_bytes(parts) <= inline_bytes_max)
        exchange_inline(operation, kind, parts, op, root);
    else
        exchange_in_place(operation, kind, parts, op, root);
}

void Communicator::exchange_inline(const Operation& operation, Kind kind,
                                   std::span<const Part> parts, Op op, int root) {
    if (kind == Kind::allreduce || rank() == root) {
        std::byte* to = arrival_of(rank(), operation.sequence).payload;
        for (const Part& part : parts) {
            if (part.count != 0) std::memcpy(to, part.data, part.bytes());
            to += padded(part.bytes());
        }
    }
    meet(operation, size());
    std::size_t offset = 0;
    if (kind == Kind::broadcast) {
        if (rank() == root) return;
        const std::byte* from = arrival_of(root, operation.sequence).payload;
        for (const Part& part : parts) {
            if (part.count != 0) std::memcpy(part.data, from + offset, part.bytes());
            offset += padded(part.bytes());
        }
        return;
    }
    for (const Part& part : parts) {
        run_.clear();
        for (int member = 0; member < size(); ++member)
            run_.push_back(arrival_of(member, operation.sequence).payload + offset);
        std::byte* destination = static_cast<std::byte*>(part.data);
        reduce(op, part.dtype, run_, {&destination, 1}, part.count);
        offset += padded(part.bytes());
    }
}

}  // namespace ipcrun
