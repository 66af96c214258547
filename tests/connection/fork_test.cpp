// SPDX-License-Identifier: Apache-2.0
// Proves that a child after fork() does nothing with the connections of its parent.
#include <sys/wait.h>
#include <unistd.h>

#include "tests/connection/connected.hpp"
#include "tests/connection/every_link.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

TEST_CASE("fork: a child's calls are errors, and dropping everything does nothing") {
    for (const LinkKind kind : every_link) {
        auto pair = std::make_unique<Pair>(kind);
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            const auto is_usage = [](auto attempt) {
                return error_of(attempt).code == ErrorCode::usage;
            };
            bool is_right = true;
            is_right &= is_usage([&] { (void)pair->client->wait(0, at_once()); });
            is_right &= is_usage([&] { send_text(*pair->server, "x"); });
            is_right &= is_usage([&] { (void)pair->listening.server->wait_for(1, at_once()); });
            is_right &= is_usage([&] { (void)pair->listening.server->connections(); });
            is_right &=
                is_usage([&] { (void)pair->listening.client(pair->listening.neighbourhood); });
            pair->client->close();
            pair->listening.server->close();
            pair.reset();
            ::_exit(is_right ? 0 : 1);
        }
        int status = 0;
        CHECK(::waitpid(child, &status, 0) == child);
        CHECK(status == 0);
        check_talk(*pair->client, *pair->server);
        const auto another = pair->listening.client(Neighbourhood::create());
        CHECK(pair->listening.server->wait_for(2, soon()) == 2);
    }
}
