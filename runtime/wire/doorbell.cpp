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

}  // namespace ipcrun
