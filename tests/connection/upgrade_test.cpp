// SPDX-License-Identifier: Apache-2.0
// Proves that two ends find the fastest link between them, and say why it is that one.
#include "tests/connection/connected.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

void check_links(Connection& client, Connection& server, LinkKind kind, std::string_view reason) {
    CHECK(client.link() == kind);
    CHECK(server.link() == kind);
    CHECK(has(client.link_reason(), reason));
    CHECK(client.link_reason() == server.link_reason());
}

}  // namespace

TEST_CASE("upgrade: two ends of one neighbourhood share pointers") {
    TestServer server;
    const auto client = server.client(server.neighbourhood);
    const auto other = server.only();
    check_links(*client, *other, LinkKind::process, "both ends are in one process");
    check_talk(*client, *other);
}

TEST_CASE("upgrade: two neighbourhoods of one host share memory") {
    TestServer server;
    const auto client = server.client(Neighbourhood::create());
    const auto other = server.only();
    check_links(*client, *other, LinkKind::memory, "on one host");
    check_talk(*client, *other);
}

TEST_CASE("upgrade: either end may want the socket") {
    {
        TestServer server(LinkChoice::socket);
        const auto client = server.client(server.neighbourhood);
        check_links(*client, *server.only(), LinkKind::socket, "the server wants sockets");
        check_talk(*client, *server.only());
    }
    TestServer server;
    const auto client = server.client(server.neighbourhood, LinkChoice::socket);
    check_links(*client, *server.only(), LinkKind::socket, "the client wants a socket");
    check_talk(*client, *server.only());
}

TEST_CASE("upgrade: either end may want memory within one process") {
    TestServer server(LinkChoice::memory);
    const auto client = server.client(server.neighbourhood);
    check_links(*client, *server.only(), LinkKind::memory, "on one host");
    check_talk(*client, *server.only());
}

TEST_CASE("upgrade: an encrypted stream becomes memory, or stays encrypted") {
    TestServer server(LinkChoice::fastest, true);
    const auto by_memory = server.client(Neighbourhood::create());
    CHECK(by_memory->link() == LinkKind::memory);
    const auto by_socket = server.client(Neighbourhood::create(), LinkChoice::socket);
    CHECK(by_socket->link() == LinkKind::socket);
    CHECK(by_socket->is_encrypted());
    REQUIRE(server.server->wait_for(2, soon()) == 2);
    check_talk(*by_socket, *server.server->connections()[1]);
    check_talk(*by_memory, *server.server->connections()[0]);
}
