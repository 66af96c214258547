// SPDX-License-Identifier: Apache-2.0
// Proves what ipcrun-lua tells its agent when a rank's program ends with an error, and that it
// falls back to standard error when nobody listens.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>

#include <string>

#include "base/child.hpp"
#include "base/socket.hpp"
#include "runtime/wire/rank_environment.hpp"
#include "runtime/wire/worker_protocol.hpp"

using namespace ipcrun;

namespace {

constexpr int control_fd = 200;

struct Outcome {
    std::vector<Report> reports;
    std::string errors;  ///< standard error
    int exit_status = -1;
};

/// Runs `code` (given to -e, or a file) as rank 1 of 2 with an agent that listens, or has gone.
Outcome run_rank(std::vector<std::string> arguments, bool agent_listens = true) {
    auto [agent, rank] = create_socket_pair(SocketKind::packet);
    int fds[2];
    check_syscall(::pipe2(fds, O_CLOEXEC), "make a pipe");
    const UniqueFd errors(fds[0]);
    UniqueFd errors_write(fds[1]);
    SpawnOptions options{.file = IPCRUN_LUA, .argv = {"ipcrun-lua"}};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.environment =
        RankEnvironment{
            .rank = 1, .size = 2, .local_rank = 1, .local_size = 2, .control_fd = control_fd}
            .format();
    options.descriptors = {{errors_write.get(), 2}, {rank.get(), control_fd}};
    if (!agent_listens) agent.reset();
    const Child child = spawn(options);
    rank.reset();
    errors_write.reset();
    Outcome outcome;
    char buffer[4096];
    ssize_t count;
    while ((count = ::read(errors.get(), buffer, sizeof buffer)) > 0)
        outcome.errors.append(buffer, static_cast<std::size_t>(count));
    Packet packet;
    while (agent && receive_packet(agent.get(), packet) == PacketResult::received)
        outcome.reports.push_back(std::get<Report>(decode_worker_message(packet.bytes)));
    int status = 0;
    check_syscall(::waitpid(child.pid, &status, 0), "wait for a child");
    if (WIFEXITED(status)) outcome.exit_status = WEXITSTATUS(status);
    return outcome;
}

}  // namespace

TEST_CASE(
    "ipcrun-lua: an error in a job goes to the agent once, with its traceback, not to stderr") {
    const Outcome outcome = run_rank({"-e", "local function f() error('boom') end f()"});
    REQUIRE(outcome.reports.size() == 1);
    CHECK(outcome.reports[0].kind == Report::Kind::runtime_error);
    CHECK(outcome.reports[0].text.find("(command line):1: boom\nstack traceback:\n") == 0);
    CHECK(outcome.reports[0].text.back() != '\n');
    CHECK(outcome.errors.empty());
    CHECK(outcome.exit_status == 1);
}

TEST_CASE("ipcrun-lua: what does not load is told apart") {
    for (const auto& arguments :
         std::vector<std::vector<std::string>>{{"/nowhere/train.lua"}, {"-e", "x = = 1"}, {"-x"}}) {
        const Outcome outcome = run_rank(arguments);
        REQUIRE(outcome.reports.size() == 1);
        CHECK(outcome.reports[0].kind == Report::Kind::load_error);
        CHECK(outcome.reports[0].text.find('\n') == std::string::npos);
        CHECK(outcome.exit_status == 1);
    }
}

TEST_CASE("ipcrun-lua: an error that only tells of another rank's end is told apart") {
    const Outcome outcome =
        run_rank({"-e",
                  "error(setmetatable({code = 'peer_lost'}, {__tostring = function() "
                  "return 'rank 0 is gone' end}))"});
    REQUIRE(outcome.reports.size() == 1);
    CHECK(outcome.reports[0].kind == Report::Kind::peer_error);
    CHECK(outcome.reports[0].text.find("rank 0 is gone\nstack traceback:") == 0);
    CHECK(run_rank({"-e", "error({code = 'timeout'})"}).reports.at(0).kind ==
          Report::Kind::runtime_error);
}

TEST_CASE("ipcrun-lua: a clean end says nothing, and os.exit neither") {
    const Outcome clean = run_rank({"-e", "local x = 1"});
    CHECK(clean.reports.empty());
    CHECK(clean.exit_status == 0);
    const Outcome exited = run_rank({"-e", "os.exit(5)"});
    CHECK(exited.reports.empty());
    CHECK(exited.exit_status == 5);
}

TEST_CASE("ipcrun-lua: an error longer than a packet is cut") {
    const Outcome outcome = run_rank({"-e", "error(('x'):rep(1000000))"});
    REQUIRE(outcome.reports.size() == 1);
    CHECK(outcome.reports[0].text.size() > 10'000);
}

TEST_CASE("ipcrun-lua: without an agent the error goes to standard error") {
    const Outcome outcome = run_rank({"-e", "error('boom')"}, false);
    CHECK(outcome.errors.find("ipcrun-lua: (command line):1: boom\nstack traceback:") == 0);
    CHECK(outcome.exit_status == 1);
}

TEST_CASE("ipcrun-lua: programs that a rank starts do not hold its control socket") {
    const Outcome outcome =
        run_rank({"-e",
                  "local pipe = io.popen('test -e /proc/self/fd/200 && echo held || echo closed')\n"
                  "error(pipe:read('l'), 0)"});
    REQUIRE(outcome.reports.size() == 1);
    CHECK(outcome.reports[0].text.substr(0, 7) == "closed\n");
}

TEST_CASE("ipcrun-lua: started by a rank it is no rank: its error goes to standard error") {
    const Outcome outcome =
        run_rank({"-e", "os.execute('" IPCRUN_LUA " -e \"error([[inner]])\"') error('outer')"});
    REQUIRE(outcome.reports.size() == 1);
    CHECK(outcome.reports[0].text.find("outer") != std::string::npos);
    CHECK(outcome.errors.find("inner") != std::string::npos);
}

TEST_CASE("ipcrun-lua: variables of a job that make no sense are an error") {
    int fds[2];
    check_syscall(::pipe2(fds, O_CLOEXEC), "make a pipe");
    const UniqueFd errors(fds[0]);
    UniqueFd errors_write(fds[1]);
    const Child child = spawn({.file = IPCRUN_LUA,
                               .argv = {"ipcrun-lua", "-v"},
                               .environment = {"IPCRUN_RANK=one"},
                               .descriptors = {{errors_write.get(), 2}}});
    errors_write.reset();
    char buffer[1000] = {};
    CHECK(::read(errors.get(), buffer, sizeof buffer - 1) > 0);
    CHECK(std::string(buffer).find("ipcrun-lua: join the job: ") == 0);
    int status = 0;
    check_syscall(::waitpid(child.pid, &status, 0), "wait for a child");
    CHECK(WEXITSTATUS(status) == 1);
}
