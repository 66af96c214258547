// SPDX-License-Identifier: Apache-2.0
// Clients that are killed, or stopped, at every step on their way to a connection.
#include "tests/connection/programs/struck.hpp"

#include "tests/connection/census.hpp"
#include "tests/connection/connected.hpp"
#include "tests/connection/peer_process.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

// Another client comes, talks and goes.
void check_serves(TestServer& server) {
    const auto client = server.client(Neighbourhood::create(), LinkChoice::socket);
    send_text(*client, "honest");
    const auto deadline = soon();
    for (;;) {
        REQUIRE(!deadline.has_passed());
        for (const auto& each : server.server->connections())
            if (each->link() == LinkKind::socket) {
                CHECK(receive_text(*each) == "honest");
                return;
            }
    }
}

void wait_until_empty(TestServer& server) {
    const auto deadline = soon();
    while (!server.server->connections().empty() && !deadline.has_passed())
        std::this_thread::yield();
    CHECK(server.server->connections().empty());
}

// What a server opens once, with its first client.
void open_what_stays(TestServer& server) {
    {
        const auto client = server.client(Neighbourhood::create());
        (void)server.only();
    }
    wait_until_empty(server);
}

std::unique_ptr<Peer> struck(TestServer& server, int signal_number, int step) {
    return std::make_unique<Peer>(server, std::to_string(signal_number), std::nullopt,
                                  std::to_string(step));
}

}  // namespace

TEST_CASE("struck: a client that is killed at any step leaves nothing, and others are served") {
    TestServer server;
    open_what_stays(server);
    const Census before = Census::take();
    for (int step = 0; step < step_count; ++step) {
        CAPTURE(step);
        const auto peer = struck(server, SIGKILL, step);
        CHECK(WTERMSIG(peer->end()) == SIGKILL);
        check_serves(server);
    }
    wait_until_empty(server);
    CHECK(before.wait_for_it(soon()) <= before);
}

TEST_CASE("struck: clients that stand still at every step keep nobody waiting, and leave nothing") {
    TestServer server;
    open_what_stays(server);
    const Census before = Census::take();
    {
        std::vector<std::unique_ptr<Peer>> stopped;
        for (int step = 0; step < step_count; ++step) {
            stopped.push_back(struck(server, SIGSTOP, step));
            stopped.back()->wait_until_stopped();
        }
        check_serves(server);
        // The last one has its memory, and is waited for as long as its owner wants to wait.
        bool has_waited = false;
        for (const auto& each : server.server->connections())
            if (each->link() == LinkKind::memory) {
                has_waited = true;
                CHECK(error_of([&] {
                          (void)receive_text(*each, 0, Deadline::after(Seconds(0.05)));
                      }).code == ErrorCode::timeout);
            }
        CHECK(has_waited);
    }
    wait_until_empty(server);
    CHECK(before.wait_for_it(soon()) <= before);
}
