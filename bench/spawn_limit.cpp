// SPDX-License-Identifier: Apache-2.0
// The least that starting N processes can cost: posix_spawn and wait, nothing else.
//   spawn_limit COUNT PROGRAM [ARGUMENTS]    prints the wall time in microseconds
// With COUNT 1 it is the stopwatch of the drivers. Their stdin and stdout are /dev/null. Exit
// status 1 when one of them fails, 3 when they take longer than two minutes (all of them are then
// killed).
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

#include "bench/measure.h"

namespace {

constexpr timespec patience{120, 0};

class Attributes {
  public:
    Attributes() {
        posix_spawnattr_init(&attributes_);
        sigset_t none;
        sigemptyset(&none);
        posix_spawnattr_setsigmask(&attributes_, &none);
        posix_spawnattr_setpgroup(&attributes_, 0);
        posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
        posix_spawn_file_actions_init(&actions_);
        posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&actions_, 1, "/dev/null", O_WRONLY, 0);
    }
    pid_t spawn(char** command) {
        pid_t pid = -1;
        const int error = posix_spawnp(&pid, command[0], &actions_, &attributes_, command, environ);
        if (error == 0) return pid;
        std::fprintf(stderr, "spawn_limit: start %s: %s\n", command[0], std::strerror(error));
        return -1;
    }

  private:
    posix_spawnattr_t attributes_;
    posix_spawn_file_actions_t actions_;
};

/// Reaps all of `children`; false when their time is up.
bool wait_for_all(std::vector<pid_t>& children, const sigset_t& child_ends, bool& failed) {
    while (!children.empty()) {
        int status = 0;
        const pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid > 0) {
            std::erase(children, pid);
            failed = failed || status != 0;
        } else if (sigtimedwait(&child_ends, nullptr, &patience) < 0 && errno == EAGAIN) {
            return false;
        }
    }
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    const int count = argc > 2 ? std::atoi(argv[1]) : 0;
    if (count < 1) {
        std::fprintf(stderr, "usage: spawn_limit COUNT PROGRAM [ARGUMENTS]\n");
        return 2;
    }
    sigset_t child_ends;
    sigemptyset(&child_ends);
    sigaddset(&child_ends, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_ends, nullptr);

    Attributes attributes;
    std::vector<pid_t> children;
    children.reserve(static_cast<std::size_t>(count));
    bool failed = false;
    const double start = measure_now_us();
    for (int i = 0; i < count && !failed; ++i) {
        const pid_t pid = attributes.spawn(argv + 2);
        failed = pid < 0;
        if (!failed) children.push_back(pid);
    }
    const bool in_time = wait_for_all(children, child_ends, failed);
    const double elapsed_us = measure_now_us() - start;
    for (const pid_t pid : children) kill(-pid, SIGKILL);
    std::printf("%.1f\n", elapsed_us);
    if (!in_time) std::fprintf(stderr, "spawn_limit: %s took more than 120 s\n", argv[2]);
    return !in_time ? 3 : failed ? 1 : 0;
}
