// SPDX-License-Identifier: Apache-2.0
#include "launcher/sweep.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>

#include "base/fail.hpp"
#include "base/unique_fd.hpp"
#include "launcher/process_table.hpp"

namespace ipcrun {

namespace {

UniqueFd open_pidfd(pid_t pid) {
    return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

// Zombies too: one whose first thread has ended may have others that run.
std::vector<ProcessEntry> find_descendants(const std::vector<pid_t>& excluded) {
    return select_descendants(read_processes(), ::getpid(), excluded);
}

// Kills what `entry` describes and nothing else; an empty descriptor when it is gone.
UniqueFd kill_process(const ProcessEntry& entry) {
    UniqueFd pidfd = open_pidfd(entry.pid);
    // The table is a moment old: since then this pid, or that of a process between, may have gone
    // to somebody else. Now that the descriptor holds the process its descent can be told for good.
    const auto now = read_process(entry.pid);
    if (!now || now->start_time != entry.start_time || !is_descendant(entry.pid)) return {};
    if (pidfd) {
        (void)::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
    } else if (now->parent == ::getpid()) {
        (void)::kill(entry.pid, SIGKILL);  // out of descriptors; a child keeps its pid until reaped
    }
    return pidfd;
}

void wait_until_ended(const std::vector<UniqueFd>& processes, Deadline deadline) {
    std::vector<pollfd> polled;
    for (const UniqueFd& process : processes) polled.push_back({process.get(), POLLIN, 0});
    while (!polled.empty() && !deadline.has_passed()) {
        if (::poll(polled.data(), polled.size(), deadline.remaining_ms()) < 0 && errno != EINTR)
            fail_errno(errno, "wait for processes to end");
        std::erase_if(polled, [](const pollfd& entry) { return entry.revents != 0; });
    }
}

}  // namespace

void become_subreaper() {
    check_syscall(::prctl(PR_SET_CHILD_SUBREAPER, 1), "become the parent of orphans");
}

std::vector<pid_t> current_children() {
    siginfo_t info = {};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) return {};  // ECHILD: none
    std::vector<pid_t> children;
    for (const ProcessEntry& entry : read_processes())
        if (entry.parent == ::getpid()) children.push_back(entry.pid);
    return children;
}

bool reap_children(const std::function<void(pid_t, int)>& reaped) {
    for (;;) {
        int wait_status = 0;
        const pid_t pid = ::waitpid(-1, &wait_status, WNOHANG);
        if (pid == 0) return true;
        if (pid > 0) {
            reaped(pid, wait_status);
        } else if (errno != EINTR) {
            return false;
        }
    }
}

int kill_descendants(const SweepOptions& options) {
    while (reap_children(options.reaped)) {
        const auto descendants = find_descendants(options.excluded);
        if (descendants.empty() || options.deadline.has_passed())
            return static_cast<int>(descendants.size());
        std::vector<UniqueFd> killed;
        for (const ProcessEntry& entry : descendants)
            if (UniqueFd pidfd = kill_process(entry)) killed.push_back(std::move(pidfd));
        wait_until_ended(killed, options.deadline);
    }
    return 0;
}

}  // namespace ipcrun
