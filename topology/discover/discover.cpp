// SPDX-License-Identifier: Apache-2.0
#include "topology/discover/discover.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include "base/affinity.hpp"
#include "base/fail.hpp"
#include "topology/discover/cgroup_quota.hpp"
#include "topology/discover/hwloc_topology.hpp"
#include "topology/discover/kfd.hpp"
#include "topology/discover/live_devices.hpp"
#include "topology/discover/nvml.hpp"

namespace ipcrun::topology {

namespace {

std::string read_host_name() {
    utsname names{};
    check_syscall(::uname(&names), "ask for the name of this host");
    return names.nodename;
}

// 0 when the kernel does not say.
std::uint64_t read_memory_bytes() {
    const long pages = ::sysconf(_SC_PHYS_PAGES), page_bytes = ::sysconf(_SC_PAGESIZE);
    if (pages <= 0 || page_bytes <= 0) return 0;
    return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_bytes);
}

}  // namespace

Machine discover(bool devices) {
    Machine machine = HwlocTopology::load_host(devices).machine(read_affinity());
    if (devices) {
        refine_devices(machine);
        add_kfd(machine);
        add_nvml(machine, read_nvml());
    }
    machine.host = read_host_name();
    machine.memory_bytes = read_memory_bytes();
    machine.cpu_quota = read_cpu_quota();
    return machine;
}

}  // namespace ipcrun::topology
