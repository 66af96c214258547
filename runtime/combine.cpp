// SPDX-License-Identifier: Apache-2.0
#include "runtime/combine.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace ipcrun {

void combine(Op op, const Part& mine, const std::byte* theirs, Order order) {
    auto* const own = static_cast<std::byte*>(mine.data);
    const bool swapped = order == Order::theirs_first;
    const std::byte* const sources[] = {swapped ? theirs : own, swapped ? own : theirs};
    std::byte* const destinations[] = {own};
    reduce(op == Op::avg ? Op::sum : op, mine.dtype, sources, destinations, mine.count);
}

// A sum and zeros, of which the average is what reduce() makes of it: it knows how to divide.
void finish_combination(Op op, const Part& part, int members) {
    constexpr std::size_t block_bytes = 2048;
    alignas(64) static constexpr std::array<std::byte, block_bytes> zeros{};
    if (part.count == 0 || (members > 1 && op != Op::avg)) return;
    std::vector<const std::byte*> sources(static_cast<std::size_t>(members), zeros.data());
    const std::size_t element_bytes = size_of(part.dtype);
    const std::size_t block = block_bytes / element_bytes;
    for (std::size_t begin = 0; begin < part.count; begin += block) {
        auto* const mine = static_cast<std::byte*>(part.data) + begin * element_bytes;
        sources[0] = mine;
        reduce(op, part.dtype, sources, {&mine, 1}, std::min(block, part.count - begin));
    }
}

}  // namespace ipcrun
