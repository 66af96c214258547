// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What tests of children have in common.

#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "runtime/children.hpp"
#include "tests/children/texts.hpp"

namespace ipcrun {

/// An error or a hang, where a test waits for what is to happen.
inline Deadline soon() {
    return Deadline::after(Seconds(20));
}

/// Starts the test's child with these verbs.
inline std::unique_ptr<ChildProcess> start_child(Children& children, std::vector<std::string> verbs,
                                                 std::vector<std::string> environment = {}) {
    verbs.insert(verbs.begin(), "child");
    return children.spawn({CHILD, std::move(verbs), std::move(environment)});
}

/// The parent of a process, from /proc; 0 when it is gone or a zombie.
inline pid_t parent_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    std::getline(file, line);
    const auto end = line.rfind(')');
    if (end == std::string::npos || line[end + 2] == 'Z') return 0;
    return std::stoi(line.substr(end + 4));
}

inline bool is_running(pid_t pid) {
    return parent_of(pid) != 0;
}

/// Returns once this thread of ours sleeps in the kernel.
inline void wait_until_asleep(pid_t thread) {
    const std::string path = "/proc/self/task/" + std::to_string(thread) + "/stat";
    for (;;) {
        std::ifstream file(path);
        std::string line;
        std::getline(file, line);
        const auto end = line.rfind(')');
        if (end == std::string::npos || line[end + 2] == 'S') return;
    }
}

inline int count_descriptors() {
    int count = 0;
    DIR* folder = ::opendir("/proc/self/fd");
    while (::readdir(folder) != nullptr) ++count;
    ::closedir(folder);
    return count;
}

inline int count_mappings() {
    std::ifstream file("/proc/self/maps");
    int count = 0;
    for (std::string line; std::getline(file, line);) ++count;
    return count;
}

}  // namespace ipcrun
