// SPDX-License-Identifier: Apache-2.0
#include "runtime/staging.hpp"

#include <algorithm>
#include <cstring>

#include "runtime/collective_checks.hpp"
#include "runtime/strided.hpp"

namespace ipcrun {

namespace {

using Kind = Collective::Kind;
using Bytes = std::span<const std::byte>;

// Private memory of at least so many bytes is reached through the kernel rather than copied.
// Through the kernel every byte is copied once less, at the price of system calls, of which a
// reduction needs more: for every chunk one a source and one a destination. Least times, through
// the kernel and copied, of 2 ranks on two cores of an EPYC (Zen 5), 2026-11-22, in us:
//                64 KiB     128 KiB    256 KiB    1 MiB    4 MiB
//   allreduce  11.3  5.0   13.3  8.2   17   15   51   72   215  286
//   broadcast   5.9  4.8    6.4  7.8    8   13   21   58    91    -
//   allgather   8.1  7.5    9.8 13.5   15   26   66  121   297    -
std::size_t peer_access_bytes_min(Collective::Kind kind) {
    return is_reduction(kind) ? 512 * 1024 : 128 * 1024;
}

// The bytes that a part may touch.
Bytes extent_of(const Part& part) {
    if (part.count == 0) return {};
    const auto* first = static_cast<const std::byte*>(part.data);
    const auto* last = first;
    const auto element = static_cast<std::int64_t>(size_of(part.dtype));
    if (!is_strided(part)) return {first, part.bytes()};
    for (std::size_t i = 0; i < part.sizes.size(); ++i) {
        const std::int64_t reach = (part.sizes[i] - 1) * part.strides[i] * element;
        (reach < 0 ? first : last) += reach;
    }
    return {first, last + element};
}

bool overlap(Bytes a, Bytes b) {
    return !a.empty() && !b.empty() && a.data() < b.data() + b.size() &&
           b.data() < a.data() + a.size();
}

// Is memory given twice? (The tensor of a weight that a network uses in two places is.)
bool overlap_each_other(std::span<const Part> parts) {
    std::vector<Bytes> extents;
    for (const Part& part : parts)
        if (part.count != 0) extents.push_back(extent_of(part));
    std::sort(extents.begin(), extents.end(), [](Bytes a, Bytes b) { return a.data() < b.data(); });
    return std::adjacent_find(extents.begin(), extents.end(), overlap) != extents.end();
}

// Where `from` may lie within `to` (or `to` within `from`) because it is moved to itself.
bool is_own_place(const Collective& collective, int rank, const Part& from, const Part& to) {
    if (is_strided(from) || is_strided(to) || collective.varying) return false;
    const auto* source = static_cast<const std::byte*>(from.data);
    const auto* result = static_cast<const std::byte*>(to.data);
    switch (collective.kind) {
        case Kind::reduce:
            return source == result && from.count == to.count;
        case Kind::allgather:
        case Kind::gather:
            return source == result + rank * from.bytes();
        case Kind::scatter:
        case Kind::reduce_scatter:
            return result == source + rank * to.bytes();
        default:
            return false;
    }
}

bool must_copy_sources(const Collective& collective, int rank) {
    for (std::size_t i = 0; i < collective.from.size(); ++i)
        for (std::size_t j = 0; j < collective.to.size(); ++j)
            if (overlap(extent_of(collective.from[i]), extent_of(collective.to[j])) &&
                !(i == j && is_own_place(collective, rank, collective.from[i], collective.to[j])))
                return true;
    return false;
}

}  // namespace

bool gives(const Collective& collective, int rank) {
    return (collective.kind != Kind::broadcast && collective.kind != Kind::scatter) ||
           rank == collective.root;
}

bool gets(const Collective& collective, int rank) {
    switch (collective.kind) {
        case Kind::barrier:
            return false;
        case Kind::broadcast:
            return rank != collective.root;
        case Kind::reduce:
        case Kind::gather:
            return rank == collective.root;
        default:
            return true;
    }
}

void Staging::clear() {
    refs_.clear();
    copies_.clear();
    list_ = Loan();
    own_result_ = nullptr;
}

std::byte* Staging::copy(Heap& heap, const Part& part, bool is_source, bool is_result) {
    Copy& made = copies_.emplace_back(Copy{part,
                                           {part.sizes.begin(), part.sizes.end()},
                                           {part.strides.begin(), part.strides.end()},
                                           Loan(heap, part.bytes()),
                                           is_result});
    made.part.sizes = made.sizes;
    made.part.strides = made.strides;
    if (is_source) pack(part, made.loan.data());
    return made.loan.data();
}

void Staging::add(Group& group, const Part& part, bool must_copy, bool is_source, bool is_result) {
    if (part.count == 0) {
        refs_.emplace_back();
        return;
    }
    if (!must_copy && !is_strided(part)) {
        if (const auto ref = group.memory().locate(part.data, part.bytes())) {
            refs_.push_back(*ref);
            return;
        }
        if (part.bytes() >= peer_bytes_min_ && group.has_peer_access()) {
            const auto own = static_cast<std::uint32_t>(group.identity().members[group.rank()]);
            const auto address = reinterpret_cast<std::uint64_t>(part.data);
            refs_.push_back({own, private_kind, address});
            return;
        }
    }
    const std::byte* data = copy(*group.heap(), part, is_source, is_result);
    refs_.push_back(*group.memory().locate(data, part.bytes()));
}

void Staging::load(Group& group, const Collective& collective) {
    clear();
    peer_bytes_min_ = peer_access_bytes_min(collective.kind);
    const bool is_source = gives(collective, group.rank());
    const bool is_result = gets(collective, group.rank());
    const bool in_place = is_in_place(collective);
    if (in_place) {
        const bool twice = collective.from.size() > 1 && overlap_each_other(collective.from);
        for (const Part& part : collective.from) add(group, part, twice, is_source, is_result);
        from_parts_ = refs_.size();
        return;
    }
    const bool copy_sources = is_source && is_result && must_copy_sources(collective, group.rank());
    if (is_source)
        for (const Part& part : collective.from) add(group, part, copy_sources, true, false);
    from_parts_ = refs_.size();
    if (!is_result) return;
    if (collective.varying) {
        const Part& part = collective.to[0];
        own_result_ = is_strided(part) && part.count != 0 ? copy(*group.heap(), part, false, true)
                                                          : static_cast<std::byte*>(part.data);
        return;
    }
    const bool twice = collective.to.size() > 1 && overlap_each_other(collective.to);
    for (const Part& part : collective.to) add(group, part, twice, false, true);
}

void Staging::publish(Group& group, const Collective& collective, std::byte* payload) {
    const std::size_t counts = collective.from_counts.size() + collective.to_counts.size();
    const std::size_t numbers = published_numbers(collective.varying, counts);
    PublicationHeader header{static_cast<std::uint32_t>(from_parts_),
                             static_cast<std::uint32_t>(refs_.size() - from_parts_), 0};
    std::byte* rest = payload + sizeof header;
    if (const std::size_t bytes = Publication::bytes(header, numbers);
        sizeof header + bytes > inline_bytes_max) {
        header.indirect = 1;
        list_ = Loan(*group.heap(), bytes);
        const HeapRef ref = *group.memory().locate(list_.data(), bytes);
        std::memcpy(rest, &ref, sizeof ref);
        rest = list_.data();
    }
    std::memcpy(payload, &header, sizeof header);
    const auto write = [&rest](const void* data, std::size_t bytes) {
        if (bytes != 0) std::memcpy(rest, data, bytes);
        rest += bytes;
    };
    write(refs_.data(), refs_.size() * sizeof(HeapRef));
    if (!collective.varying) return;
    const std::uint64_t totals[] = {collective.to[0].count, collective.from[0].count};
    write(totals, sizeof totals);
    write(collective.from_counts.data(), collective.from_counts.size_bytes());
    write(collective.to_counts.data(), collective.to_counts.size_bytes());
}

void Staging::unload() {
    for (const Copy& made : copies_)
        if (made.is_result) unpack(made.loan.data(), made.part);
}

}  // namespace ipcrun
