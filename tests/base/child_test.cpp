// SPDX-License-Identifier: Apache-2.0
// Proves that a spawned program starts with what was asked for and nothing else, that a step which
// fails is named, and that a child can die with the thread that spawned it.
#include "base/child.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include <optional>
#include <set>
#include <string>
#include <thread>

#include "base/fail.hpp"
#include "base/text.hpp"

using namespace ipcrun;

namespace {

struct Pipe {
    Pipe() {
        int fds[2];
        check_syscall(::pipe2(fds, O_CLOEXEC), "make a pipe");
        read = UniqueFd(fds[0]);
        write = UniqueFd(fds[1]);
    }
    UniqueFd read, write;
};

/// A running process_facts, its input held open by us.
struct Facts {
    explicit Facts(SpawnOptions options) {
        options.file = PROCESS_FACTS;
        if (options.argv.empty()) options.argv = {"process_facts"};
        options.descriptors.insert(options.descriptors.begin(),
                                   {{input.read.get(), 0}, {output.write.get(), 1}});
        child = spawn(options);
        output.write.reset();
        while (text.find("\nend\n") == std::string::npos) {
            char buffer[4096];
            const ssize_t count = ::read(output.read.get(), buffer, sizeof buffer);
            if (count <= 0) break;
            text.append(buffer, static_cast<std::size_t>(count));
        }
    }
    ~Facts() {
        if (child.pid <= 0) return;
        (void)child.signal(SIGKILL);
        (void)::waitpid(child.pid, nullptr, 0);
    }
    /// Ends it by ending its input; its wait status.
    int finish() {
        input.write.reset();
        int status = 0;
        check_syscall(::waitpid(std::exchange(child.pid, -1), &status, 0), "wait for a child");
        return status;
    }
    bool has(const std::string& line) const {
        return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
    }

    Pipe input, output;
    Child child;
    std::string text;
};

std::vector<int> allowed_cpus() {
    cpu_set_t set;
    CPU_ZERO(&set);
    check_syscall(::sched_getaffinity(0, sizeof set, &set), "read the affinity");
    std::vector<int> cpus;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    return cpus;
}

std::string message_of(const SpawnOptions& options) {
    try {
        const Child child = spawn(options);
        (void)::waitpid(child.pid, nullptr, 0);
    } catch (const Error& error) {
        CHECK(error.code == ErrorCode::system);
        return error.what();
    }
    return "started";
}

}  // namespace

TEST_CASE("child: arguments, environment and directory arrive as they are, and nothing else") {
    Facts facts({.argv = {"name", "two words", "", "$HOME;'"},
                 .environment = {"A=1", "B=x y"},
                 .directory = "/usr/lib"});
    CHECK(facts.text.find("argument name\nargument two words\nargument \nargument $HOME;'\n"
                          "environment A=1\nenvironment B=x y\ndirectory /usr/lib\n") == 0);
    CHECK(WEXITSTATUS(facts.finish()) == 7);
}

TEST_CASE("child: is bound to the CPUs asked for, in any order") {
    const std::vector<int> cpus = allowed_cpus();
    CHECK(Facts({.cpus = {cpus.back()}}).has("Cpus_allowed_list:\t" + format_list({cpus.back()})));
    CHECK(Facts({.cpus = {cpus.rbegin(), cpus.rend()}})
              .has("Cpus_allowed_list:\t" + format_list(cpus)));
    CHECK(Facts({}).has("Cpus_allowed_list:\t" + format_list(cpus)));
}

TEST_CASE("child: prefers the memory nodes asked for where the kernel allows it") {
    CHECK(Facts({.memory_nodes = {0}}).has("end"));
}

TEST_CASE("child: gets the descriptors passed on and no others") {
    const Pipe first, second;
    const Facts facts({.descriptors = {{first.read.get(), 20}, {second.write.get(), 21}}});
    std::string descriptors;
    for (const std::string_view line : split(facts.text, '\n'))
        if (line.substr(0, 10) == "descriptor") descriptors += std::string(line) + ';';
    // What this test program itself was started with is not close-on-exec and not ours to judge.
    std::set<std::string> expected = {"descriptor 20", "descriptor 21"};
    const Facts plain({});
    for (const std::string_view line : split(plain.text, '\n'))
        if (line.substr(0, 10) == "descriptor") expected.insert(std::string(line));
    for (const std::string_view line : split(descriptors, ';'))
        if (!line.empty()) CHECK(expected.erase(std::string(line)) == 1);
    CHECK(expected.empty());
}

TEST_CASE("child: a descriptor may keep its number") {
    const Pipe pipe;
    const int fd = pipe.read.get();
    CHECK(Facts({.descriptors = {{fd, fd}}}).has("descriptor " + std::to_string(fd)));
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);  // here it stays as it was
}

TEST_CASE("child: has a process group, a session and a limit of open files of its own") {
    const Facts own({.open_files = rlimit{256, 256}});
    CHECK(own.has("group own"));
    CHECK(own.has("files 256"));
    CHECK(Facts({.own_process_group = false}).has("group parent's"));
    CHECK(Facts({.own_session = true}).has("session own"));
    CHECK(own.has("session parent's"));
}

TEST_CASE("child: starts with no signal blocked, ignored or handled; the parent keeps its own") {
    struct sigaction ignore = {}, handle = {}, old_pipe = {}, old_user = {}, now = {};
    ignore.sa_handler = SIG_IGN;
    handle.sa_handler = [](int) {};
    REQUIRE(::sigaction(SIGPIPE, &ignore, &old_pipe) == 0);
    REQUIRE(::sigaction(SIGUSR1, &handle, &old_user) == 0);
    sigset_t blocked, old_mask;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGTERM);
    REQUIRE(::pthread_sigmask(SIG_BLOCK, &blocked, &old_mask) == 0);
    {
        const Facts facts({});
        CHECK(facts.has("SigBlk:\t0000000000000000"));
        CHECK(facts.has("SigIgn:\t0000000000000000"));
    }
    sigset_t mask;
    REQUIRE(::pthread_sigmask(SIG_SETMASK, &old_mask, &mask) == 0);
    CHECK(::sigismember(&mask, SIGTERM) == 1);
    CHECK(::sigismember(&mask, SIGINT) == ::sigismember(&old_mask, SIGINT));
    REQUIRE(::sigaction(SIGPIPE, &old_pipe, &now) == 0);
    CHECK((now.sa_handler == SIG_IGN));
    REQUIRE(::sigaction(SIGUSR1, &old_user, &now) == 0);
    CHECK((now.sa_handler == handle.sa_handler));
}

TEST_CASE("child: signals that it is to ignore are ignored, and no others") {
    const Facts facts({.ignored_signals = {SIGHUP, SIGUSR1}});
    CHECK(facts.has("SigIgn:\t0000000000000201"));
}

TEST_CASE("child: dies with the thread that spawned it when asked to") {
    std::optional<Facts> facts;
    std::thread([&] { facts.emplace(SpawnOptions{.death_signal = SIGTERM}); }).join();
    pollfd ended{facts->child.pidfd.get(), POLLIN, 0};
    REQUIRE(::poll(&ended, 1, 10'000) == 1);
    const int status = facts->finish();
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGTERM);
}

TEST_CASE("child: a step that fails is named with its object, and no child is left") {
    CHECK(message_of({.file = "/nowhere/program", .argv = {"program"}}) ==
          "execute '/nowhere/program': No such file or directory");
    CHECK(message_of({.file = "/etc/passwd", .argv = {"passwd"}}) ==
          "execute '/etc/passwd': Permission denied");
    CHECK(message_of({.file = PROCESS_FACTS, .argv = {"x"}, .directory = "/nowhere"}) ==
          "change to directory '/nowhere': No such file or directory");
    CHECK(message_of({.file = PROCESS_FACTS, .argv = {"x"}, .descriptors = {{1'000'000, 3}}}) ==
          "pass descriptors on: Bad file descriptor");
    CHECK(message_of({.file = PROCESS_FACTS, .argv = {"x"}, .cpus = {99'999}}) ==
          "bind to CPUs: Invalid argument");
    CHECK(::waitpid(-1, nullptr, WNOHANG) < 0);
    CHECK(errno == ECHILD);
}

TEST_CASE("child: cannot be signalled once it has been reaped") {
    Facts facts({});
    UniqueFd pidfd = std::move(facts.child.pidfd);
    (void)facts.finish();
    CHECK_FALSE(Child{-1, std::move(pidfd)}.signal(SIGKILL));
}
