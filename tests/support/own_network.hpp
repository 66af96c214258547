// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A network whose only interface a test can take down: so hosts vanish.

#include <doctest/doctest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <exception>

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
template <typename Body>
bool passes_in_own_network(Body body) {
    constexpr int cannot_run = 77;
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 || !set_loopback(true))
            ::_exit(cannot_run);
        try {
            ::_exit(body() ? 0 : 1);
        } catch (const std::exception& error) {
            fmt::print(stderr, "in a network of its own: {}\n", error.what());
            ::_exit(1);
        }
    }
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
