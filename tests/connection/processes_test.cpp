// SPDX-License-Identifier: Apache-2.0
// Proves what holds of clients in processes of their own: how they are reached, and how their end
// is found out.
#include <future>

#include "runtime/connection/connection_impl.hpp"
#include "tests/connection/connected.hpp"
#include "tests/connection/peer_process.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

void check_echo(Connection& connection) {
    send_text(connection, "echo");
    CHECK(receive_text(connection) == "echo");
}

}  // namespace

TEST_CASE("processes: a client in another process shares memory, and goes in good order") {
    TestServer server;
    Peer peer(server, "echo");
    {
        const auto connection = server.only();
        CHECK(connection->link() == LinkKind::memory);
        CHECK(has(connection->peer(), "(pid " + std::to_string(peer.pid()) + " on "));
        check_echo(*connection);
        connection->close();
    }
    CHECK(peer.end() == 0);
}

TEST_CASE("processes: the end of one that is killed wakes who waits for it") {
    TestServer server;
    Peer peer(server, "echo");
    const auto connection = server.only();
    check_echo(*connection);
    auto waiting = std::async(std::launch::async,
                              [&] { return error_of([&] { (void)connection->receive(0); }); });
    // Its status is asked for by end(): what it says is how the test ended it.
    CHECK(WTERMSIG(peer.end(SIGKILL)) == SIGKILL);
    REQUIRE(waiting.wait_for(patience) == std::future_status::ready);
    const Error lost = waiting.get();
    CHECK(lost.code == ErrorCode::peer_lost);
    CHECK(has(lost.what(), "has ended"));
    CHECK(server.server->wait_for(1, at_once()) == 0);
}

TEST_CASE("processes: a child that a peer has forked does not hide its end") {
    TestServer server;
    Peer peer(server, "fork");
    const auto connection = server.only();
    const pid_t grandchild = std::stoi(receive_text(*connection));
    check_echo(*connection);
    (void)peer.end(SIGKILL);
    CHECK(error_of([&] { receive_text(*connection); }).code == ErrorCode::peer_lost);
    CHECK(::kill(grandchild, SIGKILL) == 0);
}

TEST_CASE("processes: one that stops keeps nobody waiting but who waits for it") {
    TestServer server;
    Peer stopped(server, "echo");
    const auto connection = server.only();
    stopped.kill(SIGSTOP);
    const auto client = server.client(Neighbourhood::create());
    REQUIRE(server.server->wait_for(2, soon()) == 2);
    check_talk(*client, *server.server->connections()[1]);
    CHECK(error_of([&] { receive_text(*connection, 0, Deadline::after(Seconds(0.05))); }).code ==
          ErrorCode::timeout);
    stopped.kill(SIGCONT);
    check_echo(*connection);
}

TEST_CASE("processes: a client in another network namespace stays on its socket") {
    TestServer server;
    Peer peer(server, "netns");
    if (server.server->wait_for(1, soon()) == 0) {
        CHECK(WEXITSTATUS(peer.end()) == 77);
        MESSAGE("skipped: no namespaces for this user");
        return;
    }
    const auto connection = server.server->connections()[0];
    CHECK(connection->link() == LinkKind::socket);
    CHECK(has(connection->link_reason(), "cannot pass the server's door"));
    CHECK(has(connection->link_reason(), "Connection refused"));
    check_echo(*connection);
}

TEST_CASE("processes: a client with few descriptors stays on its socket, one with fewer fails") {
    TestServer server;
    std::size_t sockets = 0, failures = 0;
    bool has_memory = false;
    for (rlim_t descriptors = 6; !has_memory && descriptors < 40; ++descriptors) {
        Peer peer(server, "echo", descriptors);
        auto ended =
            std::async(std::launch::async, [&] { return wait_readable(peer.pidfd(), soon()); });
        while (server.server->wait_for(1, Deadline::after(Seconds(0.01))) == 0 &&
               ended.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
        }
        const auto connections = server.server->connections();
        if (connections.empty()) {
            ++failures;
            CHECK(peer.end() == W_EXITCODE(3, 0));
            continue;
        }
        check_echo(*connections[0]);
        has_memory = connections[0]->link() == LinkKind::memory;
        if (!has_memory) {
            ++sockets;
            INFO(connections[0]->link_reason());
            const std::string reason = connections[0]->link_reason();
            CHECK((has(reason, "Too many open files") || has(reason, "no descriptors left")));
        }
        connections[0]->close();
        CHECK(peer.end() == 0);
    }
    CHECK(has_memory);
    CHECK(sockets > 0);
    CHECK(failures > 0);
}

TEST_CASE("processes: when a server's owner is gone the client ends") {
    auto server = std::make_unique<TestServer>();
    Peer peer(*server, "echo");
    check_echo(*server->only());
    server.reset();
    CHECK(peer.end() == 0);
}
