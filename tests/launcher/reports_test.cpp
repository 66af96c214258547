// SPDX-License-Identifier: Apache-2.0
// Proves what is printed when ranks fail: the cause first, once, and nothing that only follows.
#include "launcher/reports.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <csignal>

using namespace ipcrun;
using Kind = Report::Kind;

namespace {

constexpr int exit_3 = W_EXITCODE(3, 0);

}  // namespace

TEST_CASE("reports: the first cause is printed at once, the same from others is counted") {
    Reports reports;
    CHECK(reports.reported({3, Kind::runtime_error, "boom\ntrace"}) ==
          "ipcrun: rank 3 failed:\nboom\ntrace\n");
    for (const int rank : {0, 1, 2, 5})
        CHECK(reports.reported({rank, Kind::runtime_error, "boom\ntrace"}) == "");
    CHECK(reports.ended({3, 100, exit_3}, "", false) == "");
    CHECK(reports.summary() == "ipcrun: the same error on ranks 0-2,5\n");
}

TEST_CASE("reports: a script that cannot be loaded is one message") {
    Reports reports;
    CHECK(reports.reported({1, Kind::load_error, "t.lua:1: bad"}) ==
          "ipcrun: the script cannot be loaded:\nt.lua:1: bad\n");
    CHECK(reports.reported({0, Kind::load_error, "t.lua:1: bad"}) == "");
    CHECK(reports.summary() == "");
}

TEST_CASE("reports: different errors are printed, up to a limit") {
    Reports reports;
    for (int rank = 0; rank < 4; ++rank)
        CHECK(reports.reported({rank, Kind::runtime_error, std::string(1, char('a' + rank))}) !=
              "");
    CHECK(reports.reported({4, Kind::runtime_error, "e"}) == "");
    CHECK(reports.reported({5, Kind::runtime_error, "b"}) == "");
    CHECK(reports.summary() ==
          "ipcrun: the same error on rank 5: b\nipcrun: other errors on rank 4\n");
}

TEST_CASE("reports: errors that follow are not told when the cause is known") {
    Reports reports;
    CHECK(reports.reported({0, Kind::peer_error, "rank 1 is gone"}) == "");
    CHECK(reports.is_secondary(0));
    CHECK(reports.ended({0, 100, exit_3}, "", false) == "");
    CHECK(reports.ended({1, 101, SIGSEGV}, "", false) ==
          "ipcrun: rank 1 (pid 101) was killed by signal 11 (Segmentation fault)\n");
    CHECK(reports.summary() == "");
}

TEST_CASE("reports: errors that follow are told at the end when nothing else explains") {
    Reports reports;
    CHECK(reports.reported({2, Kind::peer_error, "rank 1 has left"}) == "");
    CHECK(reports.reported({0, Kind::peer_error, "rank 1 has left"}) == "");
    CHECK(
        reports.summary() ==
        "ipcrun: rank 0 failed:\nrank 1 has left\nipcrun: 1 more rank failed for want of a peer\n");
}

TEST_CASE("reports: a rank that ends without a word is described, further ones are counted") {
    Reports reports;
    CHECK(reports.ended({3, 123, exit_3}, "", false) ==
          "ipcrun: rank 3 (pid 123) ended with exit status 3\n");
    CHECK(reports.ended({4, 124, exit_3}, "", false) == "");
    CHECK(reports.ended({5, 125, SIGTERM}, "", true) == "");
    CHECK(reports.summary() == "ipcrun: rank 4 failed too\n");
}

TEST_CASE("reports: a lack of memory is named") {
    Reports reports;
    CHECK(reports.ended({0, 9, SIGKILL, true}, "", false) ==
          "ipcrun: rank 0 (pid 9) was killed by signal 9 (Killed): the machine or the cgroup ran "
          "out of memory\n");
}

TEST_CASE("reports: a rank that was ended at the wish of others is told as such") {
    Reports reports;
    CHECK(
        reports.ended({1, 9, SIGKILL, false, true}, "", false) ==
        "ipcrun: rank 1 (pid 9) was killed: it had stopped in the middle of work on the memory of "
        "other ranks\n");
}
