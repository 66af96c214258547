// SPDX-License-Identifier: Apache-2.0
#include "runtime/places.hpp"

#include <algorithm>
#include <cstring>

#include "base/error.hpp"
#include "runtime/collective_checks.hpp"
#include "runtime/staging.hpp"

namespace ipcrun {

Place Places::of(Group& group, int member, const PartRef& ref, std::size_t bytes) {
    if (ref.ref.kind != private_kind) return {group.memory().resolve(ref.ref, bytes), {}, 0};
    // Whoever it belongs to has it where it says.
    if (member == group.rank())
        return {reinterpret_cast<std::byte*>(ref.ref.offset), {}, ref.ref.offset};
    return {nullptr, {&group.slot(member), member}, ref.ref.offset};
}

void Places::find(Group& group, const Collective& collective, std::uint32_t slot) {
    from_.clear();
    to_.clear();
    parts_ = std::max(collective.from.size(), collective.to.size());
    for (int member = 0; member < group.size(); ++member) {
        const Publication published(group.member(member).arrivals[slot].payload, group.memory());
        const auto place = [&](const PartRef& ref, std::size_t part) {
            if (ref.count == 0) return Place();
            // Who gives nothing to a scatter says nothing of its type.
            const bool by_result = collective.kind == Collective::Kind::scatter;
            const Part& like = by_result ? collective.to[part] : collective.from[part];
            return of(group, member, ref, ref.count * size_of(like.dtype));
        };
        const bool is_source = gives(collective, member);
        const bool is_result = gets(collective, member) && !collective.varying;
        // In place the same references serve both; whoever neither gives nor gets has none.
        const bool in_place = is_in_place(collective);
        for (std::size_t part = 0; part < parts_; ++part) {
            from_.push_back(is_source || in_place ? place(published.from(part), part) : Place());
            to_.push_back(is_result ? place(published.to(part), part) : Place());
        }
    }
}

// The bytes of a source here: where they are, or a copy. Copies begin at whole cache lines.
std::byte* Places::fetch(const Place& source, std::size_t index, std::size_t bytes) {
    if (source.local != nullptr) return source.local;
    std::byte* copy = copies_.data() + index * ((bytes + 63) / 64 * 64);
    read_peer(source.peer, source.address, copy, bytes);
    return copy;
}

void Places::copy_run(std::size_t bytes) {
    const Place& source = sources_[0];
    if (!is_remote_) {
        for (const Place& destination : destinations_)
            if (destination.local != source.local)
                std::memcpy(destination.local, source.local, bytes);
        return;
    }
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

void Places::reduce_run(Op op, Dtype dtype, std::size_t count, std::size_t next) {
    source_data_.clear();
    destination_data_.clear();
    if (!is_remote_) {
        for (const Place& source : sources_) source_data_.push_back(source.local);
        for (const Place& destination : destinations_)
            destination_data_.push_back(destination.local);
        return reduce(op, dtype, source_data_, destination_data_, count, next);
    }
    const std::size_t bytes = count * size_of(dtype);
    copies_.resize((sources_.size() + 1) * ((bytes + 63) / 64 * 64));
    for (std::size_t i = 0; i < sources_.size(); ++i)
        source_data_.push_back(fetch(sources_[i], i, bytes));
    // What goes to private memory of others is combined here first.
    std::byte* here = copies_.data() + sources_.size() * ((bytes + 63) / 64 * 64);
    destination_data_.push_back(here);
    for (const Place& destination : destinations_)
        if (destination.local != nullptr) destination_data_.push_back(destination.local);
    reduce(op, dtype, source_data_, destination_data_, count, 0);
    for (const Place& destination : destinations_)
        if (destination.local == nullptr)
            write_peer(destination.peer, destination.address, here, bytes);
}

}  // namespace ipcrun
