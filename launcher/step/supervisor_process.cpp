// SPDX-License-Identifier: Apache-2.0
#include "launcher/step/supervisor_process.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <exception>
#include <fstream>
#include <string>

#include "base/child.hpp"
#include "base/deadline.hpp"
#include "base/environment.hpp"
#include "base/fail.hpp"
#include "base/socket.hpp"
#include "launcher/process_table.hpp"
#include "launcher/program.hpp"
#include "launcher/surroundings.hpp"

namespace ipcrun {

namespace {

constexpr Seconds scancel_patience{10.0};

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

void end_step() noexcept {
    try {
        const auto job = environment_variable("SLURM_JOB_ID");
        const auto step = environment_variable("SLURM_STEP_ID");
        if (!job || !step) return;
        SpawnOptions scancel;
        scancel.file = find_executable("scancel");
        scancel.argv = {"scancel", fmt::format("{}.{}", *job, *step)};
        scancel.environment = read_surroundings().environment;
        const Child child = spawn(scancel);
        if (!wait_readable(child.pidfd.get(), Deadline::after(scancel_patience)))
            (void)child.signal(SIGKILL);
    } catch (const std::exception&) {
        // Nobody is left to be told: srun ends with its job.
    }
}

}  // namespace ipcrun
