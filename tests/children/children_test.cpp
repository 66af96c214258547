// SPDX-License-Identifier: Apache-2.0
// Proves that a process can start others, exchange messages with them, and learn how each ended.
#include "runtime/children.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "base/error.hpp"
#include "tests/children/support.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace ipcrun;

namespace {

ErrorCode code_of_spawn(Children& children, const ChildSpec& spec, std::string& message) {
    try {
        (void)children.spawn(spec);
    } catch (const Error& error) {
        message = error.what();
        return error.code;
    }
    message = "started";
    return ErrorCode::internal;
}

}  // namespace

TEST_CASE("children: a child answers messages of any size") {
    Children children(AGENT);
    const auto child = start_child(children, {"echo"});
    CHECK(child->communicator().rank() == 0);
    CHECK(child->communicator().size() == 2);
    for (const std::size_t bytes : {0, 1, 100, 5'000, 3'000'000}) {
        const std::string text(bytes, 'x');
        send_text(child->communicator(), text, soon());
        CHECK(receive_text(child->communicator(), soon()) == text);
    }
    CHECK_FALSE(child->end());
}

TEST_CASE("children: memory of the child's heap is sent as it is") {
    Children children(AGENT);
    const auto child = start_child(children, {"echo"});
    const StoragePtr storage = Storage::create(child->heap(), Dtype::u8, 100'000);
    CHECK(storage->kind() == Storage::Kind::heap);
    std::fill_n(reinterpret_cast<char*>(storage->data()), storage->count(), 'y');
    const Part part{storage->data(), storage->count(), Dtype::u8};
    child->communicator().send({&part, 1}, 1, 0, soon());
    CHECK(receive_text(child->communicator(), soon()) == std::string(100'000, 'y'));
}

TEST_CASE("children: a child knows the secret that its parent gives it") {
    Children children(AGENT);
    ChildSpec spec{CHILD, {"child", "say-secret"}};
    const auto without = children.spawn(spec);
    CHECK(receive_text(without->communicator(), soon()) == "(none)");
    spec.secret.emplace();
    for (std::size_t i = 0; i < spec.secret->size(); ++i)
        (*spec.secret)[i] = static_cast<std::uint8_t>(i + 1);
    const auto with = children.spawn(spec);
    CHECK(receive_text(with->communicator(), soon()) ==
          "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20");
}

TEST_CASE("children: exit status, signal and report of an end are told") {
    Children children(AGENT);
    const auto good = start_child(children, {});
    const auto status = start_child(children, {"exit", "3"});
    const auto killed = start_child(children, {"kill", "9"});
    const auto report = start_child(children, {"report", "why\nwhere", "exit", "1"});
    CHECK(good->wait_end(soon()).value().is_good());
    CHECK(status->wait_end(soon()).value().describe() == "exit status 3");
    CHECK(killed->wait_end(soon()).value().describe() == "signal 9 (Killed)");
    CHECK(report->wait_end(soon()).value().report == "why\nwhere");
    CHECK(status->end().value().report.empty());
    CHECK_FALSE(killed->end().value().is_good());
}

TEST_CASE("children: what a child sent before its end is received, then its end is met") {
    Children children(AGENT);
    const auto child = start_child(children, {"say", "a", "say", "b", "exit", "4"});
    REQUIRE(child->wait_end(soon()));
    CHECK(receive_text(child->communicator(), soon()) == "a");
    CHECK(receive_text(child->communicator(), soon()) == "b");
    CHECK_THROWS_AS((void)receive_text(child->communicator(), soon()), Error);
    CHECK(child->end().value().describe() == "exit status 4");
}

TEST_CASE("children: an end that a receive has met is known at once") {
    Children children(AGENT);
    for (int i = 0; i < 50; ++i) {
        const auto child = start_child(children, {"exit", "5"});
        CHECK_THROWS_AS((void)receive_text(child->communicator(), soon()), Error);
        const auto end = child->end();
        REQUIRE(end);
        CHECK(end->describe() == "exit status 5");
    }
}

TEST_CASE("children: an end that has been waited for stays known") {
    Children children(AGENT);
    for (int i = 0; i < 200; ++i) {
        const auto child = children.spawn({"true", {"true"}});
        REQUIRE(child->wait_end(soon()));
        REQUIRE(child->end());
    }
}

TEST_CASE("children: the end of a program that never joins is told all the same") {
    Children children(AGENT);
    const auto child = children.spawn({"sh", {"sh", "-c", "exit 6"}});
    CHECK_THROWS_AS((void)receive_text(child->communicator(), soon()), Error);
    CHECK(child->wait_end(soon()).value().describe() == "exit status 6");
    CHECK_THROWS_AS(send_text(child->communicator(), "x", soon()), Error);
}

TEST_CASE("children: a program under a shell may be the child") {
    Children children(AGENT);
    const auto child = children.spawn({"sh", {"sh", "-c", CHILD " one; exit 7"}});
    send_text(child->communicator(), "hello", soon());
    CHECK(receive_text(child->communicator(), soon()) == "hello");
    CHECK(child->wait_end(soon()).value().describe() == "exit status 7");
}

TEST_CASE("children: a child may let go of its parent and run on") {
    Children children(AGENT);
    const auto child = start_child(children, {"say", "a", "forget", "pause"});
    CHECK(receive_text(child->communicator(), soon()) == "a");
    CHECK_THROWS_AS((void)receive_text(child->communicator(), soon()), Error);
    CHECK_FALSE(child->end());
}

TEST_CASE("children: a child whose connection is dropped gets an error and runs to its end") {
    Children children(AGENT);
    const auto watched = start_child(children, {"echo"});
    pid_t pid;
    {
        const auto dropped = start_child(children, {"echo"});
        pid = dropped->pid();
    }
    const auto deadline = soon();
    while (is_running(pid) && !deadline.has_passed()) std::this_thread::yield();
    CHECK_FALSE(is_running(pid));
    CHECK_FALSE(watched->end());
}

TEST_CASE("children: only one part of a child joins its parent, and nobody else has one") {
    CHECK(ParentProcess::join() == nullptr);
    Children children(AGENT);
    const auto child = start_child(children, {"join-again"});
    CHECK(receive_text(child->communicator(), soon()) == "no");
}

TEST_CASE("children: one that asks for a queue by its name is told that ranks have such") {
    Children children(AGENT);
    const auto child = start_child(children, {"open-queue"});
    CHECK(receive_text(child->communicator(), soon()) ==
          "usage: open the queue 'q': queues have names among the ranks of a job, and this is a "
          "child of a process");
}

TEST_CASE(
    "children: environment, working directory and limits are the parent's and what is added") {
    REQUIRE(::setenv("IPCRUN_RANK", "3", 1) == 0);
    REQUIRE(::setenv("CHILDREN_TEST_A", "kept", 1) == 0);
    REQUIRE(::setenv("CHILDREN_TEST_B", "replaced", 1) == 0);
    Children children(AGENT);
    REQUIRE(::unsetenv("IPCRUN_RANK") == 0);
    const auto before = std::filesystem::current_path();
    const testing::TemporaryFolder folder;
    std::filesystem::current_path(folder.path());
    const auto child = start_child(
        children,
        {"say-environment", "IPCRUN_RANK", "say-environment", "IPCRUN_PARENT_FD", "say-environment",
         "CHILDREN_TEST_A", "say-environment", "CHILDREN_TEST_B", "say-directory", "say-files"},
        {"CHILDREN_TEST_B=new"});
    std::filesystem::current_path(before);
    std::vector<std::string> said;
    for (int i = 0; i < 6; ++i) said.push_back(receive_text(child->communicator(), soon()));
    rlimit files = {};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
    CHECK(said == std::vector<std::string>{"(unset)", "3", "kept", "new",
                                           std::filesystem::canonical(folder.path()).string(),
                                           std::to_string(files.rlim_cur)});
}

TEST_CASE("children: a program that cannot be started is an error that says why") {
    Children children(AGENT);
    std::string message;
    CHECK(code_of_spawn(children, {"no-such-program", {"x"}}, message) == ErrorCode::system);
    CHECK(message == "start 'no-such-program': program 'no-such-program' not found in PATH");
    CHECK(code_of_spawn(children, {"/etc/passwd", {"x"}}, message) == ErrorCode::system);
    CHECK(message ==
          "start '/etc/passwd': run '/etc/passwd': it is not executable (chmod +x "
          "'/etc/passwd')");
    CHECK(code_of_spawn(children, {"/nowhere/p", {"x"}}, message) == ErrorCode::system);
    CHECK(message == "start '/nowhere/p': run '/nowhere/p': No such file or directory");
    CHECK(code_of_spawn(children, {"true", {"x", std::string(70'000, 'y')}}, message) ==
          ErrorCode::usage);
    CHECK(code_of_spawn(children, {"true", {"x", std::string("a\0b", 3)}}, message) ==
          ErrorCode::usage);
    CHECK(code_of_spawn(children, {"true", {}}, message) == ErrorCode::usage);
    CHECK(code_of_spawn(children, {"true", {"x"}, {"noequals"}}, message) == ErrorCode::usage);
    CHECK(start_child(children, {})->wait_end(soon()).value().is_good());
}

TEST_CASE("children: an agent that is not there is an error that names it") {
    try {
        const Children children("/nowhere/ipcrun-agent");
        FAIL("started");
    } catch (const Error& error) {
        CHECK(error.code == ErrorCode::system);
        CHECK(std::string(error.what()) ==
              "start the agent of children: execute '/nowhere/ipcrun-agent': No such file or "
              "directory");
    }
}

TEST_CASE("children: a thousand one after the other leave nothing in their parent") {
    Children children(AGENT);
    CHECK(start_child(children, {"one"}) != nullptr);
    const int descriptors = count_descriptors();
    const int mappings = count_mappings();
    for (int i = 0; i < 1'000; ++i) {
        const auto child = start_child(children, {"one"});
        send_text(child->communicator(), "x", soon());
        REQUIRE(receive_text(child->communicator(), soon()) == "x");
        REQUIRE(child->wait_end(soon()).value().is_good());
    }
    CHECK(count_descriptors() == descriptors);
    // malloc may have taken some memory more.
    CHECK(count_mappings() <= mappings + 10);
}

TEST_CASE("children: sixty-four at once") {
#ifdef __SANITIZE_THREAD__
    constexpr int count = 16;  // it leaves 1.5 TiB of addresses to the program
#else
    constexpr int count = 64;
#endif
    Children children(AGENT);
    std::vector<std::unique_ptr<ChildProcess>> all;
    for (int i = 0; i < count; ++i) all.push_back(start_child(children, {"echo"}));
    for (int round = 0; round < 3; ++round) {
        for (const auto& child : all) send_text(child->communicator(), "hello", soon());
        for (const auto& child : all)
            REQUIRE(receive_text(child->communicator(), soon()) == "hello");
    }
    children.close(Seconds(5));
    for (const auto& child : all) CHECK(child->end());
}

TEST_CASE("children: two threads start their own") {
    const auto work = [](int& done) {
        Children children(AGENT);
        for (int i = 0; i < 50; ++i) {
            const auto child = start_child(children, {"one"});
            send_text(child->communicator(), "x", soon());
            if (receive_text(child->communicator(), soon()) == "x") ++done;
        }
    };
    int first = 0, second = 0;
    std::thread other([&] { work(second); });
    work(first);
    other.join();
    CHECK(first == 50);
    CHECK(second == 50);
}

TEST_CASE("children: may have children of their own") {
    Children children(AGENT);
    const auto child = start_child(children, {"nest", "5"});
    CHECK(receive_text(child->communicator(), soon()) == "111110");
    CHECK(child->wait_end(soon()).value().is_good());
}

TEST_CASE("children: a parent that waits for any of several is woken by messages and by ends") {
    Children children(AGENT);
    Children others(AGENT);
    const auto silent = start_child(children, {"echo"});
    const auto speaking = start_child(children, {"one", "say", "later", "pause"});
    const auto ending = start_child(others, {"one", "exit", "1"});
    const Source sources[] = {
        {&silent->communicator(), 1}, {&speaking->communicator(), 1}, {&ending->communicator(), 1}};
    CHECK_FALSE(wait_any(sources, 0, 0, Deadline::after(Seconds(0))));
    send_text(speaking->communicator(), "x", soon());
    for (int i = 0; i < 2; ++i) {
        REQUIRE(wait_any(sources, 0, 0, soon()) == std::optional<std::size_t>(1));
        (void)receive_text(speaking->communicator(), soon());
    }
    send_text(ending->communicator(), "y", soon());
    REQUIRE(wait_any(sources, 0, 0, soon()) == std::optional<std::size_t>(2));
    CHECK(receive_text(ending->communicator(), soon()) == "y");
    REQUIRE(wait_any(sources, 0, 0, soon()) == std::optional<std::size_t>(2));
    CHECK_THROWS_AS((void)receive_text(ending->communicator(), soon()), Error);
}
