// SPDX-License-Identifier: Apache-2.0
#include "runtime/places.hpp"

#include <algorithm>
#include <cstring>

#include "base/error.hpp"
#include "runtime/collective_checks.hpp"
#include "runtime/staging.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t padded(std::size_t bytes) {
    return (bytes + 63) / 64 * 64;
}

// Who gets nothing says nothing of the result: it follows from what is given.
std::size_t result_bytes(const Collective& collective, std::size_t part, std::size_t members) {
    switch (collective.kind) {
        case Collective::Kind::scatter:
        case Collective::Kind::reduce_scatter:
            return collective.to[part].bytes();
        case Collective::Kind::allgather:
        case Collective::Kind::gather:
            return collective.from[part].bytes() * members;
        default:
            return collective.from[part].bytes();
    }
}

}  // namespace

Place Places::place_of(Group& group, int member, const HeapRef& ref, std::size_t bytes) {
    if (bytes == 0) return {};
    if (ref.kind != private_kind) return {group.memory().resolve(ref, bytes), {}, 0};
    // Whoever it belongs to has it where it says.
    if (member == group.rank()) return {reinterpret_cast<std::byte*>(ref.offset), {}, 0};
    is_any_remote_ = true;
    return {nullptr, {&group.slot(member), member}, ref.offset};
}

void Places::find(Group& group, const Collective& collective, std::uint32_t slot) {
    from_.clear();
    to_.clear();
    is_any_remote_ = false;
    parts_ = std::max(collective.from.size(), collective.to.size());
    const std::size_t counts = collective.from_counts.size() + collective.to_counts.size();
    const std::size_t numbers = published_numbers(collective.varying, counts);
    // Who gives nothing to a scatter says nothing of its type and size.
    const bool is_scatter = collective.kind == Collective::Kind::scatter;
    const auto n = static_cast<std::size_t>(group.size());
    for (int member = 0; member < group.size(); ++member) {
        const Publication published(group.member(member).arrivals[slot].payload, group.memory(),
                                    numbers);
        const bool is_source = gives(collective, member);
        const bool is_result = gets(collective, member) && !collective.varying;
        for (std::size_t part = 0; part < parts_; ++part) {
            const Part& like = is_scatter ? collective.to[part] : collective.from[part];
            std::size_t bytes = like.bytes();
            if (collective.varying)
                bytes = published.number(1) * size_of(like.dtype);
            else if (is_scatter)
                bytes *= n;
            from_.push_back(is_source ? place_of(group, member, published.from(part), bytes)
                                      : Place());
            to_.push_back(is_result ? place_of(group, member, published.to(part),
                                               result_bytes(collective, part, n))
                                    : Place());
        }
    }
}

void Places::copy_run(std::size_t bytes) {
    if (is_any_remote_) return copy_remote_run(bytes);
    for (std::byte* destination : destination_data_)
        if (destination != source_data_[0]) std::memcpy(destination, source_data_[0], bytes);
}

void Places::reduce_run(Op op, Dtype dtype, std::size_t count, std::size_t next) {
    if (is_any_remote_) return reduce_remote_run(op, dtype, count);
    reduce_(op, dtype, source_data_, destination_data_, count, next);
}

// The bytes of a source here: where they are, or a copy. Copies begin at whole cache lines.
const std::byte* Places::fetch(const Place& source, std::size_t index, std::size_t bytes) {
    if (source.local != nullptr) return source.local;
    std::byte* copy = copies_.data() + index * padded(bytes);
    read_peer(source.peer, source.address, copy, bytes);
    return copy;
}

void Places::copy_remote_run(std::size_t bytes) {
    const Place& source = sources_[0];
    // Of a remote source the first local destination is as good a copy as any.
    const std::byte* data = source.local;
    for (const Place& destination : destinations_) {
        if (destination.local == nullptr || data != nullptr) continue;
        read_peer(source.peer, source.address, destination.local, bytes);
        data = destination.local;
    }
    if (data == nullptr) {
        copies_.resize(bytes);
        data = fetch(source, 0, bytes);
    }
    for (const Place& destination : destinations_) {
        if (destination == source || destination.local == data) continue;
        if (destination.local != nullptr)
            std::memcpy(destination.local, data, bytes);
        else
            write_peer(destination.peer, destination.address, data, bytes);
    }
}

void Places::reduce_remote_run(Op op, Dtype dtype, std::size_t count) {
    const std::size_t bytes = count * size_of(dtype);
    copies_.resize((sources_.size() + 1) * padded(bytes));
    source_data_.clear();
    for (std::size_t i = 0; i < sources_.size(); ++i)
        source_data_.push_back(fetch(sources_[i], i, bytes));
    // What goes to private memory of others is combined here first.
    std::byte* here = copies_.data() + sources_.size() * padded(bytes);
    destination_data_.clear();
    destination_data_.push_back(here);
    for (const Place& destination : destinations_)
        if (destination.local != nullptr) destination_data_.push_back(destination.local);
    reduce_(op, dtype, source_data_, destination_data_, count, 0);
    for (const Place& destination : destinations_)
        if (destination.local == nullptr)
            write_peer(destination.peer, destination.address, here, bytes);
}

}  // namespace ipcrun
