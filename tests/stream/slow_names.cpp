// SPDX-License-Identifier: Apache-2.0
#include "tests/stream/slow_names.hpp"

#include <dlfcn.h>
#include <netdb.h>

#include <condition_variable>
#include <cstring>
#include <mutex>

namespace {

// Never destroyed: a look-up that nobody waits for may be in here when the process ends.
std::mutex& mutex = *new std::mutex;
std::condition_variable& changed = *new std::condition_variable;
bool is_slow = false;
int waiting_count = 0;

}  // namespace

// Not inlined: what it calls in the end is the next of its name.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                           addrinfo** result) {
    const bool is_number = hints != nullptr && (hints->ai_flags & AI_NUMERICHOST) != 0;
    if (node != nullptr && std::strcmp(node, ipcrun::testing::slow_name) == 0 && !is_number) {
        std::unique_lock lock(mutex);
        ++waiting_count;
        changed.notify_all();
        changed.wait(lock, [] { return !is_slow; });
        --waiting_count;
        changed.notify_all();
        return EAI_NONAME;
    }
    using Function = int(const char*, const char*, const addrinfo*, addrinfo**);
    static auto* const next = reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, "getaddrinfo"));
    return next(node, service, hints, result);
}

namespace ipcrun::testing {

SlowNames::SlowNames() {
    const std::lock_guard lock(mutex);
    is_slow = true;
}

SlowNames::~SlowNames() {
    std::unique_lock lock(mutex);
    is_slow = false;
    changed.notify_all();
    changed.wait(lock, [] { return waiting_count == 0; });
}

int SlowNames::waiting() const {
    const std::lock_guard lock(mutex);
    return waiting_count;
}

}  // namespace ipcrun::testing
