// SPDX-License-Identifier: Apache-2.0
#include "runtime/strided_piece.hpp"

#include <algorithm>

namespace ipcrun {

// Whole blocks of the outermost dimensions that fit, from where the piece before ended: at worst a
// run of the innermost dimension.
StridedPiece::StridedPiece(const Part& whole, std::size_t first, std::size_t count_max)
    : sizes_{}, part_{} {
    const std::size_t dims = whole.sizes.size();
    std::array<std::size_t, part_dims_max + 1> below{};  // elements of one step of a dimension
    below[dims] = 1;
    for (std::size_t d = dims; d-- > 0;)
        below[d] = below[d + 1] * static_cast<std::size_t>(whole.sizes[d]);
    std::size_t d = 0;
    while (d + 1 < dims && (below[d + 1] > count_max || first % below[d + 1] != 0)) ++d;
    std::int64_t offset = 0;
    for (std::size_t k = 0; k <= d && k < dims; ++k) {
        const auto index = first / below[k + 1] % static_cast<std::size_t>(whole.sizes[k]);
        offset += static_cast<std::int64_t>(index) * whole.strides[k];
    }
    part_ = {.data = static_cast<std::byte*>(whole.data) +
                     offset * static_cast<std::int64_t>(size_of(whole.dtype)),
             .count = 1,
             .dtype = whole.dtype};
    if (dims == 0) return;
    const std::size_t index = first / below[d + 1] % static_cast<std::size_t>(whole.sizes[d]);
    const std::size_t steps =
        std::min(static_cast<std::size_t>(whole.sizes[d]) - index, count_max / below[d + 1]);
    std::copy(whole.sizes.begin(), whole.sizes.end(), sizes_.begin());
    sizes_[d] = static_cast<std::int64_t>(steps);
    part_.count = steps * below[d + 1];
    part_.sizes = std::span(sizes_).subspan(d, dims - d);
    part_.strides = whole.strides.subspan(d);
}

}  // namespace ipcrun
