// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Sets of CPUs and NUMA nodes as the kernel takes them: a bit each, as many words as it needs.

#include <cstddef>
#include <vector>

#include "base/fail.hpp"

namespace ipcrun {

using BitMask = std::vector<unsigned long>;
constexpr int mask_word_bits = 8 * sizeof(unsigned long);

/// As long as the largest number wants. None may be negative.
inline BitMask mask_of(const std::vector<int>& numbers) {
    BitMask mask;
    for (const int number : numbers) {
        check(number >= 0, "a CPU or NUMA node with a negative number");
        const auto word = static_cast<std::size_t>(number / mask_word_bits);
        if (word >= mask.size()) mask.resize(word + 1);
        mask[word] |= 1UL << (number % mask_word_bits);
    }
    return mask;
}

/// Ascending.
inline std::vector<int> numbers_in(const BitMask& mask) {
    std::vector<int> numbers;
    for (std::size_t word = 0; word < mask.size(); ++word)
        for (int bit = 0; bit < mask_word_bits; ++bit)
            if ((mask[word] >> bit & 1) != 0)
                numbers.push_back(static_cast<int>(word) * mask_word_bits + bit);
    return numbers;
}

}  // namespace ipcrun
