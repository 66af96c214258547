// SPDX-License-Identifier: Apache-2.0
#include "runtime/wire/bell.hpp"

#include <climits>

#include "base/fail.hpp"
#include "base/futex.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t doorbell_bytes = 4096;

}  // namespace

void Bell::ring(int count) {
    if (sleepers.load() == 0 || count == 0) return;
    generation.fetch_add(1);
    futex_wake(generation, count);
}

void Bell::ring_all() {
    ring(INT_MAX);
}

UniqueFd Doorbell::create() {
    return create_memfd("ipcrun-doorbell", doorbell_bytes);
}

Doorbell::Doorbell(int fd) {
    if (memfd_bytes(fd) != doorbell_bytes)
        fail(ErrorCode::protocol, "map a doorbell: it has the wrong size");
    mapping_ = Mapping(fd, 0, doorbell_bytes);
}

}  // namespace ipcrun
