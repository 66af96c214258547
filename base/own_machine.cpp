// SPDX-License-Identifier: Apache-2.0
#include "base/own_machine.hpp"

#include <sched.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <array>

#include "base/fail.hpp"

namespace ipcrun {

int count_allowed_cpus() {
    std::array<unsigned long, 1024> mask = {};
    const auto bytes = check_syscall(::syscall(SYS_sched_getaffinity, 0, sizeof mask, mask.data()),
                                     "read the CPUs that may be used");
    return CPU_COUNT_S(static_cast<std::size_t>(bytes), reinterpret_cast<cpu_set_t*>(mask.data()));
}

std::uint64_t machine_memory_bytes() {
    struct sysinfo info = {};
    check_syscall(::sysinfo(&info), "read the size of memory");
    return static_cast<std::uint64_t>(info.totalram) * info.mem_unit;
}

}  // namespace ipcrun
