// SPDX-License-Identifier: Apache-2.0
#include "launcher/process_end.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "base/child.hpp"
#include "base/fail.hpp"
#include "base/socket.hpp"

using namespace ipcrun;

namespace {

// As the kernel writes it, but for the last field, which is 0 of who has not ended.
std::string stat_line(const std::string& name, char state, const std::string& end) {
    return "812 (" + name + ") " + state +
           " 1 812 812 0 -1 4227084 90 0 0 0 0 0 0 0 20 0 1 0 5236 0 0 18446744073709551615 0 0 0 "
           "0 "
           "0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 " +
           end;
}

Child start(const std::string& script) {
    SpawnOptions options;
    options.file = "/bin/sh";
    options.argv = {"sh", "-c", script};
    return spawn(options);
}

// Checked before it is reaped and, as far as the kernel tells, afterwards.
void check_end(const Child& child, int wait_status) {
    REQUIRE(wait_readable(child.pidfd.get(), Deadline::after(Seconds(60))));
    CHECK(end_of_other(child.pid, child.pidfd.get()) == wait_status);
    int reaped = 0;
    REQUIRE(::waitpid(child.pid, &reaped, 0) == child.pid);
    CHECK(reaped == wait_status);
    CHECK(end_of_other(child.pid, child.pidfd.get()).value_or(wait_status) == wait_status);
}

}  // namespace

TEST_CASE("process end: the line of a process that has ended says how") {
    CHECK(parse_end(stat_line("sleep", 'Z', "0")) == 0);
    CHECK(parse_end(stat_line("sleep", 'Z', "768")) == 768);
    CHECK(parse_end(stat_line("sleep", 'X', "9")) == 9);
    CHECK(parse_end(stat_line("sleep", 'Z', "768") + "\n") == 768);
}

TEST_CASE("process end: a program's name may look like the rest of the line") {
    CHECK(parse_end(stat_line("a (b) R 1 2", 'Z', "9")) == 9);
    CHECK(parse_end(stat_line(") Z 0", 'Z', "9")) == 9);
    CHECK(parse_end(stat_line("", 'Z', "9")) == 9);
}

TEST_CASE("process end: who runs, sleeps or is stopped has none") {
    for (const char state : {'R', 'S', 'D', 'T', 't', 'I'})
        CHECK_FALSE(parse_end(stat_line("sleep", state, "0")));
}

TEST_CASE("process end: a line that is short, long or none says nothing") {
    const std::string line = stat_line("sleep", 'Z', "768");
    for (std::size_t length = 0; length < line.size() - 3; ++length)
        CHECK_FALSE(parse_end(std::string_view(line).substr(0, length)));
    CHECK_FALSE(parse_end(line + " 1"));
    CHECK_FALSE(parse_end(stat_line("sleep", 'Z', "many")));
    CHECK_FALSE(parse_end(""));
}

TEST_CASE("process end: a status is told while the process has not been reaped") {
    check_end(start("exit 3"), W_EXITCODE(3, 0));
    check_end(start("exit 0"), W_EXITCODE(0, 0));
}

TEST_CASE("process end: so is a signal") {
    const Child child = start("exec sleep 1000");
    REQUIRE(child.signal(SIGKILL));
    check_end(child, SIGKILL);
}
