// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/shared_rendezvous.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>

#include "base/reachable_address.hpp"
#include "runtime/connection/rendezvous_file.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace ipcrun;

namespace {

const MeetingPlace here{{.host = "10.0.0.1", .port = 4711}, "abc"};

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

void make_old(const std::string& path) {
    std::ofstream(path) << "x";
    std::filesystem::last_write_time(
        path, std::filesystem::file_time_type::clock::now() - std::chrono::hours(24 * 8));
}

}  // namespace

TEST_CASE("shared rendezvous: what is published is found, for this user alone, until it ends") {
    const testing::TemporaryFolder base;
    const std::string folder = base.path() + "/a/b";
    {
        const auto published = SharedRendezvous::publish(folder, "slurm-1", here);
        const auto found = SharedRendezvous::wait(folder, "slurm-1", soon());
        REQUIRE(found);
        CHECK(found->address == here.address);
        CHECK(found->nonce == here.nonce);
        struct stat status = {};
        REQUIRE(::stat((folder + "/slurm-1").c_str(), &status) == 0);
        CHECK((status.st_mode & 0777) == 0600);
    }
    CHECK_FALSE(SharedRendezvous::wait(folder, "slurm-1", soon()));
    CHECK(std::filesystem::is_empty(folder));
}

TEST_CASE("shared rendezvous: who waits finds what comes, in a folder that was not there") {
    const testing::TemporaryFolder base;
    const std::string folder = base.path() + "/later";
    auto found = std::async(std::launch::async, [&folder] {
        return SharedRendezvous::wait(folder, "slurm-1", Deadline::after(Seconds(20)));
    });
    const auto published = SharedRendezvous::publish(folder, "slurm-1", here);
    const auto place = found.get();
    REQUIRE(place);
    CHECK(place->nonce == here.nonce);
}

TEST_CASE(
    "shared rendezvous: one that a process of any host left is replaced, and stays another's") {
    const testing::TemporaryFolder base;
    auto old = SharedRendezvous::publish(base.path(), "slurm-1", here);
    MeetingPlace fresh = here;
    fresh.nonce = "def";
    const auto published = SharedRendezvous::publish(base.path(), "slurm-1", fresh);
    old.remove();
    CHECK(SharedRendezvous::wait(base.path(), "slurm-1", soon())->nonce == "def");
    SharedRendezvous::remove(base.path(), "slurm-1", "abc");
    CHECK(SharedRendezvous::wait(base.path(), "slurm-1", soon())->nonce == "def");
    SharedRendezvous::remove(base.path(), "slurm-1", "def");
    CHECK_FALSE(SharedRendezvous::wait(base.path(), "slurm-1", soon()));
}

TEST_CASE("shared rendezvous: a child after fork() leaves the file alone") {
    const testing::TemporaryFolder base;
    auto published = SharedRendezvous::publish(base.path(), "slurm-1", here);
    const pid_t child = ::fork();
    if (child == 0) {
        published.remove();
        ::_exit(0);
    }
    ::waitpid(child, nullptr, 0);
    CHECK(SharedRendezvous::wait(base.path(), "slurm-1", soon()));
}

TEST_CASE("shared rendezvous: who publishes removes files that were left a week ago, no others") {
    const testing::TemporaryFolder base;
    for (const char* name : {"slurm-old", ".slurm-old.part", "result"})
        make_old(base.path() + "/" + name);
    base.write("slurm-fresh", "x");
    const auto published = SharedRendezvous::publish(base.path(), "slurm-1", here);
    CHECK_FALSE(std::filesystem::exists(base.path() + "/slurm-old"));
    CHECK_FALSE(std::filesystem::exists(base.path() + "/.slurm-old.part"));
    CHECK(std::filesystem::exists(base.path() + "/slurm-fresh"));
    CHECK(std::filesystem::exists(base.path() + "/result"));
}

TEST_CASE("shared rendezvous: what cannot be used is refused") {
    const testing::TemporaryFolder base;
    const std::string file = base.write("file", "x");
    CHECK(code_of([&] { SharedRendezvous::publish(file, "slurm-1", here); }) == ErrorCode::config);
    CHECK(code_of([&] { (void)SharedRendezvous::wait(file, "slurm-1", soon()); }) ==
          ErrorCode::config);
    CHECK(code_of([&] { SharedRendezvous::publish(file + "/below", "slurm-1", here); }) ==
          ErrorCode::config);
    REQUIRE(::symlink(file.c_str(), (base.path() + "/slurm-link").c_str()) == 0);
    CHECK(code_of([&] { (void)SharedRendezvous::wait(base.path(), "slurm-link", soon()); }) ==
          ErrorCode::config);
    base.write("slurm-open", format_rendezvous({here, own_identity()}));
    REQUIRE(::chmod((base.path() + "/slurm-open").c_str(), 0666) == 0);
    CHECK(code_of([&] { (void)SharedRendezvous::wait(base.path(), "slurm-open", soon()); }) ==
          ErrorCode::config);
}

TEST_CASE("the reachable address: this host's own, whatever way is asked for") {
    const std::string any = reachable_address("");
    CHECK_FALSE(any.empty());
    CHECK(reachable_address("127.0.0.1") == any);
    CHECK(reachable_address("::1") == any);
    if (any != "127.0.0.1") CHECK(reachable_address(any) == any);
}
