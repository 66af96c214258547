// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A client of a test's server, as a process of its own.

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "base/child.hpp"
#include "base/socket.hpp"
#include "tests/connection/connected.hpp"

namespace ipcrun::testing {

/// A client in another process; killed at the end, if it has not ended.
class Peer {
  public:
    Peer(TestServer& server, const std::string& mode,
         std::optional<rlim_t> descriptors = std::nullopt, const std::string& step = "") {
        SpawnOptions options;
        if (descriptors) options.open_files = rlimit{*descriptors, *descriptors};
        options.file = IPCRUN_PEER_PROGRAM;
        options.argv = {options.file, std::to_string(server.server->address().port), mode};
        if (!step.empty()) options.argv.push_back(step);
        for (char** setting = environ; *setting != nullptr; ++setting)
            options.environment.emplace_back(*setting);
        // Without descriptors UBSan cannot look at an object, and says that it is none.
        if (descriptors) options.environment.insert(options.environment.begin(), "UBSAN_OPTIONS=");
        child_ = spawn(options);
    }
    ~Peer() {
        if (child_.pid > 0) (void)end(SIGKILL);
    }
    void wait_until_stopped() const {
        siginfo_t info{};
        CHECK(::waitid(P_PID, static_cast<id_t>(child_.pid), &info, WSTOPPED | WEXITED | WNOWAIT) ==
              0);
        CHECK(info.si_code == CLD_STOPPED);
    }
    void kill(int number) { CHECK(child_.signal(number)); }
    /// Its status as of waitpid(2).
    int end(int number = 0) {
        if (number != 0) (void)child_.signal(number);
        CHECK(wait_readable(child_.pidfd.get(), soon()));
        int status = 0;
        CHECK(::waitpid(child_.pid, &status, 0) == child_.pid);
        child_.pid = -1;
        return status;
    }
    pid_t pid() const { return child_.pid; }
    int pidfd() const { return child_.pidfd.get(); }

  private:
    Child child_;
};

}  // namespace ipcrun::testing
