// SPDX-License-Identifier: Apache-2.0
// Proves that a process is known for what it was, and known to have ended.
#include "base/process_identity.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fork_guard.hpp"

using namespace ipcrun;

TEST_CASE("process identity: a process lives until it has ended, and a zombie has") {
    const ProcessIdentity own = own_identity();
    CHECK(own.pid == ::getpid());
    CHECK(own.start_time != 0);
    CHECK_FALSE(has_ended(own, own));
    const pid_t child = ::fork();
    if (child == 0)
        for (;;) (void)::pause();
    ProcessIdentity process = own;
    process.pid = child;
    process.start_time = 0;  // not known
    CHECK_FALSE(has_ended(process, own));
    (void)::kill(child, SIGKILL);
    siginfo_t info;
    REQUIRE(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) == 0);
    CHECK(has_ended(process, own));
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    CHECK(has_ended(process, own));
}

TEST_CASE("process identity: one that has the pid of another is not taken for it") {
    const ProcessIdentity own = own_identity();
    ProcessIdentity before = own;
    --before.start_time;
    CHECK(has_ended(before, own));
}

TEST_CASE("process identity: what is in another pid namespace counts as alive") {
    const ProcessIdentity own = own_identity();
    ProcessIdentity far = own;
    ++far.pid_namespace;
    far.pid = 0x7fff'ffff;
    CHECK_FALSE(has_ended(far, own));
}

TEST_CASE("fork guard: it is ours in the process that made it, and not in its child") {
    const ForkGuard guard;
    CHECK(guard.is_ours());
    const pid_t child = ::fork();
    if (child == 0) ::_exit(guard.is_ours() ? 1 : 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(guard.is_ours());
}
