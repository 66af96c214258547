// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/rendezvous.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <optional>

#include "runtime/connection/rendezvous_file.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace ipcrun;

namespace {

// The folder of rendezvous files is below one of the test's own.
struct Home {
    testing::TemporaryFolder folder;
    std::optional<std::string> before;
    Home() {
        if (const char* value = ::getenv("XDG_RUNTIME_DIR")) before = value;
        ::setenv("XDG_RUNTIME_DIR", folder.path().c_str(), 1);
    }
    ~Home() {
        if (before)
            ::setenv("XDG_RUNTIME_DIR", before->c_str(), 1);
        else
            ::unsetenv("XDG_RUNTIME_DIR");
    }
    std::string file(const std::string& name) const { return folder.path() + "/ipcrun/" + name; }
};

const MeetingPlace here{{.host = "127.0.0.1", .port = 4711}, "abc"};

Deadline soon() {
    return Deadline::after(Seconds(0.05));
}

ErrorCode code_of(const std::function<void()>& work) {
    try {
        work();
    } catch (const Error& error) {
        return error.code;
    }
    return ErrorCode::internal;
}

// A process that has ended.
ProcessIdentity ended_process() {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    ::waitpid(child, nullptr, 0);
    ProcessIdentity identity = own_identity();
    identity.pid = child;
    return identity;
}

}  // namespace

TEST_CASE("rendezvous: what is published is found, until it ends") {
    const Home home;
    {
        const Rendezvous published = Rendezvous::publish("a", here);
        const auto found = Rendezvous::wait("a", soon());
        REQUIRE(found);
        CHECK(found->address == here.address);
        CHECK(found->nonce == here.nonce);
        struct stat status = {};
        REQUIRE(::stat(home.file("a").c_str(), &status) == 0);
        CHECK((status.st_mode & 0777) == 0600);
        REQUIRE(::stat((home.folder.path() + "/ipcrun").c_str(), &status) == 0);
        CHECK((status.st_mode & 0777) == 0700);
    }
    CHECK_FALSE(Rendezvous::wait("a", soon()));
    CHECK(std::filesystem::is_empty(home.folder.path() + "/ipcrun"));
}

TEST_CASE("rendezvous: who waits is woken") {
    const Home home;
    auto found = std::async(std::launch::async,
                            [] { return Rendezvous::wait("b", Deadline::after(Seconds(20))); });
    const Rendezvous published = Rendezvous::publish("b", here);
    const auto place = found.get();
    REQUIRE(place);
    CHECK(place->nonce == here.nonce);
}

TEST_CASE("rendezvous: a name is one process's as long as it lives") {
    const Home home;
    const Rendezvous published = Rendezvous::publish("c", here);
    CHECK(code_of([] { Rendezvous::publish("c", here); }) == ErrorCode::usage);
    const Rendezvous other = Rendezvous::publish("d", here);
}

TEST_CASE("rendezvous: who publishes removes what processes left under other names that ended") {
    const Home home;
    const RendezvousFolder folder;
    write_rendezvous(folder.fd(), "dead", home.file("dead"), {here, ended_process()});
    const Rendezvous living = Rendezvous::publish("living", here);
    std::ofstream(home.file("strange")) << "no such text";
    const Rendezvous other = Rendezvous::publish("other", here);
    CHECK_FALSE(std::filesystem::exists(home.file("dead")));
    CHECK(std::filesystem::exists(home.file("living")));
    CHECK(std::filesystem::exists(home.file("strange")));
}

TEST_CASE("rendezvous: what a process left that has ended is nothing, and is replaced") {
    const Home home;
    const RendezvousFolder folder;
    MeetingPlace old = here;
    old.nonce = "old";
    write_rendezvous(folder.fd(), "e", home.file("e"), {old, ended_process()});
    CHECK_FALSE(Rendezvous::wait("e", soon()));
    const Rendezvous published = Rendezvous::publish("e", here);
    CHECK(Rendezvous::wait("e", soon())->nonce == "abc");
}

TEST_CASE("rendezvous: what somebody else put there is refused") {
    const Home home;
    const RendezvousFolder folder;
    const auto wait = [](const char* name) {
        return code_of([name] { (void)Rendezvous::wait(name, soon()); });
    };
    home.folder.write("target", "x");
    REQUIRE(::symlink((home.folder.path() + "/target").c_str(), home.file("link").c_str()) == 0);
    CHECK(wait("link") == ErrorCode::config);
    CHECK(code_of([] { Rendezvous::publish("link", here); }) == ErrorCode::config);
    REQUIRE(::mkfifo(home.file("fifo").c_str(), 0600) == 0);
    CHECK(wait("fifo") == ErrorCode::config);
    home.folder.write("ipcrun/garbage", "127.0.0.1:1");
    CHECK(wait("garbage") == ErrorCode::config);
    home.folder.write("ipcrun/open", format_rendezvous({here, own_identity()}));
    REQUIRE(::chmod(home.file("open").c_str(), 0666) == 0);
    CHECK(wait("open") == ErrorCode::config);
    if (::geteuid() == 0) {
        home.folder.write("ipcrun/theirs", format_rendezvous({here, own_identity()}));
        REQUIRE(::chmod(home.file("theirs").c_str(), 0600) == 0);
        REQUIRE(::chown(home.file("theirs").c_str(), 1, 1) == 0);
        CHECK(wait("theirs") == ErrorCode::config);
    }
}

TEST_CASE("rendezvous: the folder is this user's alone") {
    const Home home;
    REQUIRE(::mkdir((home.folder.path() + "/ipcrun").c_str(), 0700) == 0);
    REQUIRE(::chmod((home.folder.path() + "/ipcrun").c_str(), 0777) == 0);
    CHECK(code_of([] { RendezvousFolder(); }) == ErrorCode::config);
    REQUIRE(::rmdir((home.folder.path() + "/ipcrun").c_str()) == 0);
    REQUIRE(::mkdir((home.folder.path() + "/elsewhere").c_str(), 0700) == 0);
    REQUIRE(::symlink("elsewhere", (home.folder.path() + "/ipcrun").c_str()) == 0);
    CHECK(code_of([] { RendezvousFolder(); }) == ErrorCode::config);
}

TEST_CASE("rendezvous: its text is read as it was written, and nothing else is") {
    const RendezvousText text{here, {.pid = 3, .start_time = 4, .pid_namespace = 5}};
    const std::string line = format_rendezvous(text);
    const auto back = parse_rendezvous(line);
    REQUIRE(back);
    CHECK(back->place.nonce == "abc");
    CHECK(back->publisher == text.publisher);
    for (std::size_t length = 0; length < line.size(); ++length)
        CHECK_FALSE(parse_rendezvous(line.substr(0, length)));
    CHECK_FALSE(parse_rendezvous(line + " "));
    CHECK_FALSE(parse_rendezvous("ipcrun-rendezvous-1 h 99999 n 1 1 1\n"));
}
