// SPDX-License-Identifier: Apache-2.0
#include "runtime/kept_collective.hpp"

#include "runtime/collective_checks.hpp"

namespace ipcrun {

KeptCollective::KeptCollective(const Collective& collective)
    : collective_(collective),
      from_(collective.from.begin(), collective.from.end()),
      to_(collective.to.begin(), collective.to.end()),
      counts_(collective.from_counts.begin(), collective.from_counts.end()) {
    const std::size_t from_counts = counts_.size();
    counts_.insert(counts_.end(), collective.to_counts.begin(), collective.to_counts.end());
    keep_dimensions(from_);
    keep_dimensions(to_);
    collective_.from = from_;
    // Equal spans mean "in place".
    const bool in_place = is_in_place(collective);
    collective_.to = in_place ? std::span<const Part>(from_) : std::span<const Part>(to_);
    collective_.from_counts = std::span(counts_).first(from_counts);
    collective_.to_counts = std::span(counts_).subspan(from_counts);
}

void KeptCollective::keep_dimensions(std::span<Part> parts) {
    for (Part& part : parts)
        for (std::span<const std::int64_t>* side : {&part.sizes, &part.strides})
            if (!side->empty()) *side = dimensions_.emplace_back(side->begin(), side->end());
}

}  // namespace ipcrun
