// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_operation.hpp"

#include <algorithm>
#include <bit>

#include "runtime/collective_checks.hpp"
#include "runtime/strided.hpp"

namespace ipcrun {

bool HostOperation::keeps_order(const Collective& collective) const {
    return is_deterministic() && is_reduction(collective.kind) &&
           std::ranges::any_of(collective.from, [&](const Part& part) {
               return depends_on_order(collective.op, part.dtype);
           });
}

HostTreePlace binomial_place(const HostOperation& operation, int root) {
    const auto hosts = static_cast<unsigned>(operation.hosts());
    const auto first =
        static_cast<unsigned>(operation.layout.host_of[static_cast<std::size_t>(root)]);
    const unsigned own = (static_cast<unsigned>(operation.own_host()) + hosts - first) % hosts;
    const auto speaker = [&](unsigned place) {
        return operation.speaker_of(static_cast<int>((place + first) % hosts), root);
    };
    HostTreePlace result;
    const unsigned below = own == 0 ? std::bit_ceil(hosts) : own & (0u - own);
    if (own != 0) result.parent = speaker(own - below);
    for (unsigned step = 1; step < below && own + step < hosts; step *= 2)
        result.children.push_back(speaker(own + step));
    return result;
}

PackedParts::PackedParts(const HostOperation& operation, std::span<const Part> parts, bool load)
    : given_(parts.begin(), parts.end()), packed_(given_) {
    for (Part& part : packed_) {
        if (!is_strided(part)) continue;
        copies_.push_back(operation.memory(part.dtype, part.count));
        if (load) pack(part, copies_.back()->data());
        part = {copies_.back()->data(), part.count, part.dtype};
    }
}

void PackedParts::store() const {
    for (std::size_t i = 0; i < given_.size(); ++i)
        if (is_strided(given_[i]))
            unpack(static_cast<const std::byte*>(packed_[i].data), given_[i]);
}

std::vector<Part> pieces_of(std::span<const Part> parts, std::size_t piece_bytes) {
    std::vector<Part> pieces;
    for (const Part& part : parts) {
        const std::size_t element = size_of(part.dtype);
        const std::size_t most = piece_bytes / element;
        for (std::size_t begin = 0; begin < part.count; begin += most)
            pieces.push_back({static_cast<std::byte*>(part.data) + begin * element,
                              std::min(most, part.count - begin), part.dtype});
    }
    return pieces;
}

}  // namespace ipcrun
