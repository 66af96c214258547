// SPDX-License-Identifier: Apache-2.0
#include "runtime/wire/doorbell.hpp"

#include "base/fail.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t doorbell_bytes = 4096;

}  // namespace

UniqueFd Doorbell::create() {
    return create_memfd("ipcrun-doorbell", doorbell_bytes);
}

Doorbell::Doorbell(int fd) {
    if (memfd_bytes(fd) != doorbell_bytes)
        fail(ErrorCode::protocol, "map a doorbell: it has the wrong size");
    mapping_ = Mapping(fd, 0, doorbell_bytes);
}

void Doorbell::ring(std::uint32_t number) const {
    // As with the bell: whoever takes a mark away then looks at what was written before.
    if (const std::uint32_t index = number - 1; index < marks_max) {
        auto& word = marks()[index / 64];
        const std::uint64_t mark = std::uint64_t(1) << index % 64;
        if ((word.load() & mark) == 0) word.fetch_or(mark);
    }
    bell().ring_all();
}

}  // namespace ipcrun
