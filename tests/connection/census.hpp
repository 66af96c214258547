// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What this process has, counted, so that a test can show that nothing was left.

#include <dirent.h>

#include <fstream>
#include <ostream>
#include <string>
#include <thread>

#include "base/deadline.hpp"

namespace ipcrun::testing {

struct Census {
    int descriptors = 0;  ///< sockets among them: abstract ones live as long as these
    int threads = 0;
    int mappings = 0;  ///< of shared memory
    /// Is there no more of anything?
    bool operator<=(const Census& other) const {
        return descriptors <= other.descriptors && threads <= other.threads &&
               mappings <= other.mappings;
    }

    static Census take() {
        Census census{count_entries("/proc/self/fd"), count_entries("/proc/self/task"), 0};
        std::ifstream maps("/proc/self/maps");
        for (std::string line; std::getline(maps, line);)
            census.mappings += line.find("/memfd:") != line.npos;
        return census;
    }
    /// Waits until there is no more than in this census; what there is in the end. There may be
    /// less: the kernel counts a thread for a moment after it was joined.
    Census wait_for_it(Deadline deadline) const {
        for (;;) {
            const Census current = take();
            if (current <= *this || deadline.has_passed()) return current;
            std::this_thread::yield();
        }
    }

  private:
    static int count_entries(const char* folder) {
        DIR* const entries = ::opendir(folder);
        int count = 0;
        while (::readdir(entries) != nullptr) ++count;
        ::closedir(entries);
        return count;
    }
};

inline std::ostream& operator<<(std::ostream& out, const Census& census) {
    return out << census.descriptors << " descriptors, " << census.threads << " threads, "
               << census.mappings << " mappings of shared memory";
}

}  // namespace ipcrun::testing
