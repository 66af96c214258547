// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Ranks as forked, pinned processes over one shared mapping: what the written-out limits run on.

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

namespace limit {

struct alignas(64) Flag {
    std::atomic<std::uint32_t> value;
};

[[noreturn]] inline void die(const char* what) {
    std::perror(what);
    std::_Exit(1);
}

inline void* map_shared(std::size_t bytes) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) die("mmap");
    return memory;
}

/// Where huge pages can be mapped: shared memory needs the mapping itself to begin at one. Whole
/// huge pages.
inline void* map_shared_aligned(std::size_t bytes) {
    constexpr std::size_t page = 2u << 20;
    const std::size_t whole = (bytes + page - 1) / page * page;
    void* room = mmap(nullptr, whole + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED) die("mmap");
    auto* start =
        reinterpret_cast<void*>((reinterpret_cast<std::uintptr_t>(room) + page - 1) / page * page);
    start =
        mmap(start, whole, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (start == MAP_FAILED) die("mmap");
    return start;
}

inline std::vector<int> allowed_cpus() {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) die("sched_getaffinity");
    std::vector<int> cpus;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    }
    return cpus;
}

inline void pin_to(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) die("sched_setaffinity");
}

/// Ends with the first child that fails; the others are then killed.
inline int wait_for(std::vector<pid_t> children) {
    int status = 0;
    for (std::size_t left = children.size(); left > 0 && status == 0; --left) wait(&status);
    if (status != 0) {
        for (const pid_t pid : children) kill(pid, SIGKILL);
    }
    return status == 0 ? 0 : 1;
}

/// Runs `body(rank)` in a process for each rank; the exit status of all together.
template <typename Body>
int run_ranks(int ranks, Body body) {
    std::vector<pid_t> children;
    for (int rank = 0; rank < ranks; ++rank) {
        const pid_t pid = fork();
        if (pid < 0) die("fork");
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            body(rank);
            std::_Exit(0);
        }
        children.push_back(pid);
    }
    return wait_for(std::move(children));
}

}  // namespace limit
