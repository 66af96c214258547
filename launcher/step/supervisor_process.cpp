// SPDX-License-Identifier: Apache-2.0
#include "launcher/step/supervisor_process.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "base/fail.hpp"
#include "launcher/process_table.hpp"

namespace ipcrun {

namespace {

bool is_supervisor(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{}/comm", pid));
    std::string name;
    return std::getline(file, name) && name == "slurmstepd";
}

}  // namespace

UniqueFd find_supervisor(pid_t task) {
    for (auto process = read_process(task); process; process = read_process(process->parent)) {
        if (!is_supervisor(process->pid)) continue;
        UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, process->pid, 0)));
        // It may have ended in between, and its number be another's.
        return is_supervisor(process->pid) ? std::move(pidfd) : UniqueFd();
    }
    return {};
}

}  // namespace ipcrun
