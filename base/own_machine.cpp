// SPDX-License-Identifier: Apache-2.0
#include "base/own_machine.hpp"

#include <sys/sysinfo.h>

#include "base/affinity.hpp"
#include "base/fail.hpp"

namespace ipcrun {

int count_allowed_cpus() {
    return static_cast<int>(read_affinity().size());
}

std::uint64_t machine_memory_bytes() {
    struct sysinfo info = {};
    check_syscall(::sysinfo(&info), "read the size of memory");
    return static_cast<std::uint64_t>(info.totalram) * info.mem_unit;
}

}  // namespace ipcrun
