// SPDX-License-Identifier: Apache-2.0
// Proves what becomes of children when they are closed, when their agent is killed, and in a fork
// of their parent. tests/children/nothing_left.sh has the end of the parent.
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error.hpp"
#include "tests/children/support.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace ipcrun;

namespace {

Seconds since(Clock::time_point start) {
    return Clock::now() - start;
}

/// Waits until nobody has this pid any more; false when it takes longer than a second.
bool is_gone_soon(pid_t pid) {
    const auto deadline = Deadline::after(Seconds(1));
    while (is_running(pid))
        if (deadline.has_passed()) return false;
    return true;
}

}  // namespace

TEST_CASE("children: are signalled as process groups") {
    Children children(AGENT);
    const auto child = children.spawn({"sh", {"sh", "-c", "sleep 60; :"}});
    CHECK_THROWS_AS(child->signal(-1), Error);
    CHECK_THROWS_AS(child->signal(999), Error);
    child->signal(SIGTERM);
    CHECK(child->wait_end(soon()).value().describe() == "signal 15 (Terminated)");
    child->signal(SIGTERM);
}

TEST_CASE("children: one that ends while it is waited for wakes its parent") {
    Children children(AGENT);
    const auto child = start_child(children, {"echo"});
    const pid_t waiting = ::gettid();
    std::thread killer([&] {
        wait_until_asleep(waiting);
        (void)::kill(child->pid(), SIGKILL);
    });
    CHECK_THROWS_AS((void)receive_text(child->communicator(), soon()), Error);
    killer.join();
    CHECK(child->end().value().describe() == "signal 9 (Killed)");
    CHECK_FALSE(child->end().value().out_of_memory);
}

TEST_CASE("children: close gives those that hear TERM the time to end, and no more is needed") {
    Children children(AGENT);
    const auto child = start_child(children, {"say", "up", "pause"});
    const auto stopped = start_child(children, {"say", "up", "pause"});
    (void)receive_text(child->communicator(), soon());
    (void)receive_text(stopped->communicator(), soon());
    stopped->signal(SIGSTOP);
    const auto start = Clock::now();
    children.close(Seconds(20));
    CHECK(since(start) < Seconds(5));
    CHECK(child->end().value().describe() == "signal 15 (Terminated)");
    CHECK(stopped->end().value().describe() == "signal 15 (Terminated)");
}

TEST_CASE("children: close kills what ignores TERM, also in another session; more can be started") {
    Children children(AGENT);
    const auto child = start_child(children, {"deaf", "escape", "say", "up", "pause"});
    (void)receive_text(child->communicator(), soon());
    const auto start = Clock::now();
    children.close(Seconds(0.2));
    CHECK(since(start) >= Seconds(0.2));
    CHECK(since(start) < Seconds(1.2));
    CHECK(child->end().value().describe() == "signal 9 (Killed)");
    children.close(Seconds(0));
    const auto next = start_child(children, {"exit", "3"});
    CHECK(next->wait_end(soon()).value().describe() == "exit status 3");
}

TEST_CASE("children: what is left of an ended child is killed at the close") {
    Children children(AGENT);
    const auto child =
        children.spawn({"sh", {"sh", "-c", "setsid sleep 60 & exec " CHILD " say $! exit 0"}});
    const pid_t orphan = std::stoi(receive_text(child->communicator(), soon()));
    REQUIRE(child->wait_end(soon()));
    CHECK(is_running(orphan));
    children.close(Seconds(0.5));
    CHECK_FALSE(is_running(orphan));
}

TEST_CASE("children: what one leaves behind that speaks without end does not hide its end") {
    Children children(AGENT);
    const auto other = start_child(children, {"echo"});
    const auto child = start_child(children, {"flood", "64", "exit", "5"});
    const auto end = child->wait_end(soon());
    REQUIRE(end);
    CHECK(end->describe() == "exit status 5");
    other->signal(SIGKILL);
    CHECK(other->wait_end(soon()));
}

TEST_CASE("children: may outlive the object that started them as values, and have ended then") {
    std::unique_ptr<ChildProcess> child;
    {
        Children children(AGENT);
        child = start_child(children, {"echo"});
    }
    CHECK(child->end());
    CHECK_THROWS_AS((void)receive_text(child->communicator(), soon()), Error);
    CHECK_FALSE(is_running(child->pid()));
    CHECK(::waitpid(-1, nullptr, WNOHANG) < 0);
    CHECK(errno == ECHILD);
}

TEST_CASE("children: the death of the agent is met by a parent that sleeps in a receive") {
    Children children(AGENT);
    const auto child = start_child(children, {"deaf", "say", "up", "pause"});
    const auto other = start_child(children, {"deaf", "say", "up", "pause"});
    (void)receive_text(child->communicator(), soon());
    (void)receive_text(other->communicator(), soon());
    const pid_t agent = parent_of(child->pid());
    auto killed = Clock::now();
    const pid_t waiting = ::gettid();
    std::thread killer([&] {
        wait_until_asleep(waiting);
        killed = Clock::now();
        (void)::kill(agent, SIGKILL);
    });
    CHECK_THROWS_AS((void)receive_text(child->communicator(), soon()), Error);
    killer.join();
    CHECK(since(killed) < Seconds(1));
    CHECK(is_gone_soon(child->pid()));
    CHECK(is_gone_soon(other->pid()));
    const auto end = other->wait_end(soon());
    REQUIRE(end);
    CHECK(end->describe() == "signal 9 (Killed)");
    CHECK(end->report == "the agent of children (pid " + std::to_string(agent) +
                             ") has ended: signal 9 (Killed), and they with it");
    try {
        (void)start_child(children, {});
        FAIL("started without an agent");
    } catch (const Error& error) {
        CHECK(error.code == ErrorCode::peer_lost);
        CHECK(std::string(error.what()).find(end->report) != std::string::npos);
    }
    CHECK_THROWS_AS(child->signal(SIGTERM), Error);
    children.close(Seconds(1));
}

TEST_CASE("children: a spawn that the agent dies over does not hang") {
    Children children(AGENT);
    const pid_t agent = [&] { return parent_of(start_child(children, {"pause"})->pid()); }();
    REQUIRE(::kill(agent, SIGSTOP) == 0);
    const pid_t waiting = ::gettid();
    std::thread killer([&] {
        wait_until_asleep(waiting);
        (void)::kill(agent, SIGKILL);
    });
    CHECK_THROWS_AS((void)start_child(children, {}), Error);
    killer.join();
}

TEST_CASE("children: an agent that makes no sense is given up") {
    const testing::TemporaryFolder folder;
    const std::string agent = folder.path() + "/agent";
    // It speaks when it is told to end all, and ends when its connection does.
    std::ofstream(agent) << "#!/bin/sh\n"
                            "dd bs=65536 count=2 <&3 >/dev/null 2>&1\n"
                            "echo nonsense >&3\n"
                            "cat <&3 >/dev/null\n";
    std::filesystem::permissions(agent, std::filesystem::perms::owner_all);
    for (int i = 0; i < 3; ++i) {
        Children children(agent);
        const auto start = Clock::now();
        children.close(Seconds(0));
        CHECK(since(start) < Seconds(5));
        try {
            (void)start_child(children, {});
            FAIL("started without an agent");
        } catch (const Error& error) {
            CHECK(error.code == ErrorCode::peer_lost);
            CHECK(std::string(error.what()).find("has been given up: ") != std::string::npos);
        }
    }
}

TEST_CASE("children: a fork of the parent has none, and ends none") {
    Children children(AGENT);
    auto child = start_child(children, {"echo"});
    const pid_t fork_pid = ::fork();
    if (fork_pid == 0) {
        int refused = 0;
        try {
            (void)start_child(children, {});
        } catch (const Error& error) {
            refused = error.code == ErrorCode::usage;
        }
        child.reset();
        children.~Children();
        ::_exit(refused);
    }
    int status = 0;
    REQUIRE(::waitpid(fork_pid, &status, 0) == fork_pid);
    CHECK(WEXITSTATUS(status) == 1);
    send_text(child->communicator(), "there", soon());
    CHECK(receive_text(child->communicator(), soon()) == "there");
}
