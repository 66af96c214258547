// SPDX-License-Identifier: Apache-2.0
#include "base/affinity.hpp"

#include <sched.h>

#include <cerrno>

#include "base/bit_mask.hpp"
#include "base/fail.hpp"

namespace ipcrun {

std::vector<int> read_affinity() {
    // The kernel refuses a mask shorter than its own, whose length nobody tells.
    constexpr std::size_t words_max = 1u << 16;
    for (std::size_t words = 16;; words *= 2) {
        BitMask mask(words);
        if (::sched_getaffinity(0, words * sizeof mask[0],
                                reinterpret_cast<cpu_set_t*>(mask.data())) == 0)
            return numbers_in(mask);
        if (errno != EINVAL || words >= words_max)
            fail_errno(errno, "ask on which CPUs this process may run");
    }
}

bool try_affinity(const std::vector<int>& cpus) {
    const BitMask mask = mask_of(cpus);
    return ::sched_setaffinity(0, mask.size() * sizeof mask[0],
                               reinterpret_cast<const cpu_set_t*>(mask.data())) == 0;
}

}  // namespace ipcrun
