// SPDX-License-Identifier: Apache-2.0
#include "runtime/wire/bell.hpp"

#include <climits>

#include "base/futex.hpp"

namespace ipcrun {

void Bell::ring(int count) {
    if (sleepers.load() == 0 || count == 0) return;
    generation.fetch_add(1);
    futex_wake(generation, count);
}

void Bell::ring_all() {
    ring(INT_MAX);
}

}  // namespace ipcrun
