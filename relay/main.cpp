// SPDX-License-Identifier: Apache-2.0
// The program ipcrun-relay: one end of a connection between a process and its child on another
// host.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "base/fail.hpp"
#include "launcher/surroundings.hpp"
#include "relay/far_end.hpp"
#include "relay/near_end.hpp"
#include "runtime/wire/control_segment.hpp"

namespace {

using namespace ipcrun;

constexpr int usage_status = 2;
constexpr int failure_status = 1;

// So that who waits for this process sees how the child ended. Of a signal there is one dump of
// memory, the child's.
int end_as(int wait_status) {
    if (WIFSIGNALED(wait_status)) {
        const int number = WTERMSIG(wait_status);
        const rlimit none{0, 0};
        (void)::setrlimit(RLIMIT_CORE, &none);
        (void)::signal(number, SIG_DFL);
        sigset_t only;
        ::sigemptyset(&only);
        ::sigaddset(&only, number);
        (void)::sigprocmask(SIG_UNBLOCK, &only, nullptr);
        (void)::raise(number);
    }
    return exit_status_of(wait_status);
}

int run(const std::vector<std::string>& arguments) {
    tidy_descriptors();
    if (arguments.front() == "--far") {
        (void)::signal(SIGPIPE, SIG_IGN);  // fails for numbers only that do not exist
        return run_far_end(parse_far_arguments(arguments));
    }
    return end_as(run_near_end(arguments));
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.empty() || (arguments[0] != "--far" && arguments[0] != "--near")) {
        (void)std::fputs(
            "ipcrun-relay: stands between a program and a child that it starts on another host by "
            "'parallel': it is not for people to call\n",
            stderr);
        return usage_status;
    }
    try {
        return run(arguments);
    } catch (const Error& error) {
        (void)std::fprintf(stderr, "ipcrun-relay: %s\n", error.what());
        return error.code == ErrorCode::usage ? usage_status : failure_status;
    } catch (const std::exception& error) {
        (void)std::fprintf(stderr, "ipcrun-relay: %s\n", error.what());
        return failure_status;
    }
}
