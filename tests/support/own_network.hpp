// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A network whose only interface a test can take down: so hosts vanish.

#include <doctest/doctest.h>
#include <net/if.h>
#include <sched.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

#include "base/fail.hpp"
#include "base/unique_fd.hpp"

namespace ipcrun::testing {

inline bool set_loopback(bool up) {
    const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    if (::ioctl(fd.get(), SIOCGIFFLAGS, &request) != 0) return false;
    const int flags = up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP;
    request.ifr_flags = static_cast<short>(flags);
    return ::ioctl(fd.get(), SIOCSIFFLAGS, &request) == 0;
}

/// Runs `body` in a process with a network of its own, which set_loopback(false) takes down; it
/// returns whether all was as it should be. True, with a message, where this user may not have
/// such a network.
///
/// That process is this program anew, with the one test case that calls this: a mere fork would
/// have one thread of many, and the locks that the others held.
template <typename Body>
bool passes_in_own_network(Body body) {
    constexpr int cannot_run = 77;
    constexpr const char* there = "IPCRUN_TEST_IN_OWN_NETWORK";
    if (std::getenv(there) != nullptr) {
        if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 || !set_loopback(true))
            ::_exit(cannot_run);
        try {
            ::_exit(body() ? 0 : 1);
        } catch (const std::exception& error) {
            fmt::print(stderr, "in a network of its own: {}\n", error.what());
            ::_exit(1);
        }
    }
    std::string filter = fmt::format("-tc={}", doctest::getContextOptions()->currentTest->m_name);
    std::replace(filter.begin(), filter.end(), ',', '?');  // it would be two filters
    REQUIRE(::setenv(there, "1", 1) == 0);
    const char* const argv[] = {"/proc/self/exe", filter.c_str(), nullptr};
    pid_t child = -1;
    const int error =
        ::posix_spawn(&child, argv[0], nullptr, nullptr, const_cast<char* const*>(argv), environ);
    REQUIRE(::unsetenv(there) == 0);
    REQUIRE(error == 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    if (WEXITSTATUS(status) == cannot_run) {
        MESSAGE("this user may not make a network of its own");
        return true;
    }
    return WEXITSTATUS(status) == 0;
}

}  // namespace ipcrun::testing
