// SPDX-License-Identifier: Apache-2.0
// Proves what is the same of connections whatever their link is.
#include <atomic>
#include <future>
#include <thread>

#include "runtime/connection/connection_impl.hpp"
#include "tests/connection/connected.hpp"
#include "tests/connection/every_link.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

// How receive() fails while another thread looks at the connection every now and then.
Error receive_unless_looked_at(Connection& connection) {
    for (;;) {
        const Error error = error_of([&] { (void)connection.receive(0); });
        if (!has(error.what(), "another thread is in a call")) return error;
    }
}

}  // namespace

TEST_CASE("connection: one thread at a time is in a call") {
    for (const LinkKind kind : every_link) {
        Pair pair(kind);
        std::thread waiter([&] {
            CHECK(receive_unless_looked_at(*pair.client).code == ErrorCode::internal);  // none
        });
        // Until the other one is in its call this one may look.
        Error refused(ErrorCode::internal, "");
        do refused = error_of([&] { (void)pair.client->wait(1, at_once()); });
        while (refused.code == ErrorCode::internal);
        CHECK(refused.code == ErrorCode::usage);
        CHECK(has(refused.what(), "another thread is in a call"));
        send_text(*pair.server, "at last");
        waiter.join();
        check_talk(*pair.client, *pair.server);
    }
}

TEST_CASE("connection: closing it ends a call of another thread that waits") {
    for (const LinkKind kind : every_link) {
        Pair pair(kind);
        std::thread closer([&] {
            // Once the other is in its call, looking is refused.
            while (error_of([&] { (void)pair.client->wait(1, at_once()); }).code !=
                   ErrorCode::usage) {
            }
            pair.client->close();
        });
        const Error ended = receive_unless_looked_at(*pair.client);
        closer.join();
        CHECK(ended.code == ErrorCode::usage);
        CHECK(has(ended.what(), "this end has closed the connection"));
        CHECK(pair.client->is_closed());
        CHECK(error_of([&] { receive_text(*pair.server); }).code == ErrorCode::peer_lost);
    }
}

TEST_CASE("connection: what was sent before the close arrives, then the peer is lost") {
    for (const LinkKind kind : every_link) {
        Pair pair(kind);
        send_text(*pair.client, "last words");
        pair.client->close();
        pair.client->close();
        CHECK(receive_text(*pair.server) == "last words");
        const Error lost = error_of([&] { receive_text(*pair.server); });
        CHECK(lost.code == ErrorCode::peer_lost);
        CHECK(has(lost.what(), "client 127.0.0.1:"));
        CHECK(has(lost.what(), "the peer has closed the connection"));
        CHECK(error_of([&] { send_text(*pair.server, "?"); }).code == ErrorCode::peer_lost);
        CHECK(error_of([&] { send_text(*pair.client, "?"); }).code == ErrorCode::usage);
    }
}

TEST_CASE("connection: it counts messages, bytes and time") {
    for (const LinkKind kind : every_link) {
        Pair pair(kind);
        send_text(*pair.client, "four");
        send_text(*pair.client, "eleven more");
        CHECK(receive_text(*pair.server) == "four");
        CHECK(receive_text(*pair.server) == "eleven more");
        const auto sent = pair.client->statistics().sent;
        const auto received = pair.server->statistics().received;
        CHECK(sent.messages == 2);
        CHECK(sent.bytes == 15);
        CHECK(sent.seconds > 0);
        CHECK(received.messages == 2);
        CHECK(received.bytes == 15);
        CHECK(pair.server->statistics().sent.messages == 0);
    }
}

TEST_CASE("connection: each end knows the other by address, pid and host") {
    Pair pair(LinkKind::memory);
    const std::string pid = "(pid " + std::to_string(::getpid()) + " on ";
    CHECK(has(pair.client->peer(), pid));
    CHECK(has(pair.server->peer(), pid));
    CHECK(pair.client->peer_host() == "127.0.0.1");
    CHECK(pair.server->peer_host() == "127.0.0.1");
}

TEST_CASE("connection: any of several is waited for, whatever their links") {
    TestServer server;
    std::vector<std::shared_ptr<Connection>> clients;
    clients.push_back(server.client(server.neighbourhood));
    clients.push_back(server.client(Neighbourhood::create()));
    clients.push_back(server.client(Neighbourhood::create(), LinkChoice::socket));
    REQUIRE(server.server->wait_for(3, soon()) == 3);
    const auto ends = server.server->connections();
    std::vector<Connection*> all;
    for (const auto& end : ends) all.push_back(end.get());
    CHECK(wait_any(all, 0, 0, at_once()) == std::nullopt);
    for (std::size_t i = 0; i < all.size(); ++i) {
        std::thread sender([&] { send_text(*clients[i], "here"); });
        CHECK(wait_any(all, 0, 2, soon()) == i);
        sender.join();
        CHECK(receive_text(*all[i]) == "here");
    }
    // Those that go are found, too: closed there, and closed here.
    std::thread leaver([&] { clients[1]->close(); });
    CHECK(wait_any(all, 0, 0, soon()) == 1);
    leaver.join();
    all[2]->close();
    CHECK(wait_any(all, 0, 2, soon()) == 2);
    send_text(*clients[0], "before it");
    CHECK(wait_any(all, 0, 0, soon()) == 0);
}

TEST_CASE("connection: the end of the peer is told once, also to who asks late") {
    for (const LinkKind kind : every_link) {
        Pair pair(kind);
        std::promise<void> told, told_late;
        std::atomic<int> forgotten = 0;
        (void)pair.server->impl().on_end([&] { told.set_value(); });
        pair.server->impl().forget_end(pair.server->impl().on_end([&] { ++forgotten; }));
        pair.client->close();
        CHECK(told.get_future().wait_for(patience) == std::future_status::ready);
        (void)pair.server->impl().on_end([&] { told_late.set_value(); });
        CHECK(told_late.get_future().wait_for(patience) == std::future_status::ready);
        CHECK(forgotten == 0);
    }
}

TEST_CASE("connection: memory is handed over where the link is memory") {
    for (const LinkKind kind : {LinkKind::process, LinkKind::memory}) {
        Pair pair(kind);
        const UniqueFd control = ControlSegment::create(3, 1, 1ull << 30);
        const auto memory = std::make_shared<NodeMemory>(UniqueFd(::dup(control.get())),
                                                         create_memfd("test-heap", 3ull << 30));
        memory->arena(2)[5] = std::byte(42);
        pair.client->impl().send_memory(memory, control.get(), soon());
        const auto received = pair.server->impl().receive_memory(soon());
        CHECK(received->arena(2)[5] == std::byte(42));
        CHECK((received == memory) == (kind == LinkKind::process));
        CHECK(error_of([&] { (void)pair.server->impl().receive_memory(at_once()); }).code ==
              ErrorCode::timeout);
        pair.client->close();
        CHECK(error_of([&] { (void)pair.server->impl().receive_memory(soon()); }).code ==
              ErrorCode::peer_lost);
    }
    Pair pair(LinkKind::socket);
    CHECK(error_of([&] { (void)pair.server->impl().receive_memory(soon()); }).code ==
          ErrorCode::usage);
}

TEST_CASE("connection: a goodbye is there before anybody waits for it to arrive") {
    for (const LinkKind kind : every_link) {
        Pair pair(kind);
        send_text(*pair.client, "last");
        pair.client->begin_close();
        CHECK(pair.client->is_closed());
        CHECK(receive_text(*pair.server) == "last");
        if (kind == LinkKind::socket) {
            const Error error = error_of([&] { (void)receive_text(*pair.server); });
            CHECK(error.code == ErrorCode::peer_lost);
            CHECK(has(error.what(), "the peer has closed the connection"));
        }
        CHECK(error_of([&] { send_text(*pair.client, "no"); }).code == ErrorCode::usage);
        pair.client->close();
        CHECK(error_of([&] { (void)receive_text(*pair.server); }).code == ErrorCode::peer_lost);
    }
}

TEST_CASE("connection: closing it wakes who waits for memory to share") {
    for (const LinkKind kind : {LinkKind::process, LinkKind::memory}) {
        Pair pair(kind);
        std::thread closer([&] {
            // It is in the call when another one is refused.
            while (error_of([&] { (void)pair.client->wait(0, at_once()); }).code !=
                   ErrorCode::usage)
                std::this_thread::yield();
            pair.client->close();
        });
        const auto receive = [&] {
            return error_of([&] { (void)pair.client->impl().receive_memory(Deadline::never()); });
        };
        // The other thread's call may be the first, and this one the one that is refused.
        Error error = receive();
        while (error.code == ErrorCode::usage && !pair.client->is_closed()) error = receive();
        closer.join();
        CHECK(error.code == ErrorCode::usage);
        CHECK(has(error.what(), "this end has closed the connection meanwhile"));
    }
}

TEST_CASE("connection: a link by memory that is closed gives its place to another") {
    Pair pair(LinkKind::memory);
    auto& places = pair.server->impl().parts.neighbourhood->impl().places();
    const std::size_t before = places.count();
    pair.server->close();
    CHECK(places.count() == before - 1);
}
