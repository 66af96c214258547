// SPDX-License-Identifier: Apache-2.0
// Waiting for a message of any client of a server.
#include <algorithm>
#include <thread>

#include "tests/connection/connected.hpp"
#include "tests/connection/every_link.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

bool is_anyone(const Connection&) {
    return true;
}

/// A server, and clients of it by each link.
struct Company {
    Company() {
        clients.push_back(server.client(server.neighbourhood));
        clients.push_back(server.client(Neighbourhood::create()));
        clients.push_back(server.client(Neighbourhood::create(), LinkChoice::socket));
        REQUIRE(server.server->wait_for(3, soon()) == 3);
        ends = server.server->connections();
    }
    std::vector<std::shared_ptr<Connection>> wait(bool all = false, Deadline deadline = soon()) {
        return server.server->wait_for_message(is_anyone, all, server.server->news(), deadline);
    }
    std::shared_ptr<Connection> next() {
        for (;;) {
            const auto found = wait();
            REQUIRE(found.size() == 1);
            if (found[0]->wait(0, at_once())) return found[0];
        }
    }

    TestServer server;
    std::vector<std::shared_ptr<Connection>> clients, ends;
};

}  // namespace

TEST_CASE("server: the message of any client is waited for, whatever the links") {
    Company all;
    CHECK(all.wait(true, at_once()).empty());
    for (std::size_t i = 0; i < all.clients.size(); ++i) {
        std::thread sender([&] { send_text(*all.clients[i], "here"); });
        CHECK(all.next() == all.ends[i]);
        CHECK(receive_text(*all.ends[i]) == "here");
        sender.join();
        CHECK(all.wait(false, Deadline::after(Seconds(0.01))).empty());
    }
}

TEST_CASE("server: who always has messages keeps nobody from being heard") {
    Company all;
    for (std::size_t chatty = 0; chatty < all.clients.size(); ++chatty) {
        for (int i = 0; i < 50; ++i) send_text(*all.clients[chatty], "chatter");
        for (const auto& client : all.clients) send_text(*client, "word");
        for (const auto& end : all.ends) REQUIRE(end->wait(0, soon()));
        std::vector<std::shared_ptr<Connection>> heard;
        for (std::size_t i = 0; i < all.ends.size(); ++i) {
            heard.push_back(all.next());
            (void)receive_text(*heard.back());
        }
        for (const auto& end : all.ends) CHECK(std::count(heard.begin(), heard.end(), end) == 1);
        for (int left = 53 - 3; left > 0; --left) (void)receive_text(*all.next());
        CHECK(all.wait(false, at_once()).empty());
    }
}

TEST_CASE("server: all that have a message are found at a time, and found again while they have") {
    Company all;
    for (const auto& client : all.clients) send_text(*client, "word");
    for (const auto& end : all.ends) REQUIRE(end->wait(0, soon()));
    for (int i = 0; i < 3; ++i) CHECK(all.wait(true).size() == 3);
    (void)receive_text(*all.ends[1]);
    CHECK(all.wait(true).size() == 2);
}

TEST_CASE("server: a message that another call has read is found") {
    Company all;
    send_text(*all.clients[2], "first");
    CHECK(all.next() == all.ends[2]);
    (void)receive_text(*all.ends[2]);
    CHECK(all.wait(false, at_once()).empty());
    // It comes with one of another tag, for which somebody else waits.
    send_text(*all.clients[2], "for the user");
    send_text(*all.clients[2], "for the other", 7);
    REQUIRE(all.ends[2]->wait(7, soon()));
    CHECK(all.next() == all.ends[2]);
}

TEST_CASE("server: one that another thread is in a call with is found once that has ended") {
    Company all;
    for (std::size_t i = 0; i < all.clients.size(); ++i) {
        std::thread other([&] {
            // The look below may be in a call just now.
            std::string text;
            while (text.empty())
                if (error_of([&] { text = receive_text(*all.ends[i], 7); }).code ==
                    ErrorCode::timeout)
                    break;
            CHECK(text == "for the other");
        });
        while (error_of([&] { (void)all.ends[i]->wait(8, at_once()); }).code != ErrorCode::usage)
            std::this_thread::yield();
        send_text(*all.clients[i], "for the user");
        CHECK(all.wait(false, Deadline::after(Seconds(0.02))).empty());
        send_text(*all.clients[i], "for the other", 7);
        CHECK(all.next() == all.ends[i]);
        CHECK(receive_text(*all.ends[i]) == "for the user");
        other.join();
    }
}

TEST_CASE("server: those that are not wanted wait for their turn") {
    Company all;
    for (const auto& client : all.clients) send_text(*client, "word");
    for (const auto& end : all.ends) REQUIRE(end->wait(0, soon()));
    for (const auto& wanted : all.ends) {
        const auto found = all.server.server->wait_for_message(
            [&](const Connection& each) { return &each == wanted.get(); }, true,
            all.server.server->news(), soon());
        REQUIRE(found.size() == 1);
        CHECK(found[0] == wanted);
    }
    CHECK(all.wait(true).size() == 3);
}

TEST_CASE("server: who comes, ends or is closed wakes who waits for messages") {
    const auto news_of = [](Company& all, auto act) {
        const auto seen = all.server.server->news();
        std::thread other(act);
        // Who has ended may be found, too.
        (void)all.server.server->wait_for_message([](const Connection&) { return false; }, false,
                                                  seen, Deadline::never());
        other.join();
        CHECK(all.server.server->news() != seen);
    };
    Company all;
    news_of(all, [&] { all.clients.push_back(all.server.client(Neighbourhood::create())); });
    for (std::size_t i = 0; i < 3; ++i) news_of(all, [&] { all.clients[i]->close(); });
    news_of(all, [&] { all.server.server->connections().back()->close(); });
    news_of(all, [&] { all.server.server->close(); });
}

TEST_CASE("server: two of one process hear their own clients") {
    TestServer one;
    TestServer two(LinkChoice::fastest, false, one.neighbourhood);
    const auto of_one = one.client(Neighbourhood::create());
    const auto of_two = two.client(Neighbourhood::create());
    const auto end = two.only();
    (void)one.only();
    send_text(*of_two, "word");
    CHECK(
        one.server
            ->wait_for_message(is_anyone, true, one.server->news(), Deadline::after(Seconds(0.01)))
            .empty());
    const auto found = two.server->wait_for_message(is_anyone, true, two.server->news(), soon());
    REQUIRE(found.size() == 1);
    CHECK(found[0] == end);
}

TEST_CASE("server: a second thread that waits for messages is told that it must not") {
    Company all;
    // Until one of the two is found waiting by the other, which is the main thread.
    std::size_t found = 0;
    std::thread first([&] {
        while (found == 0) (void)error_of([&] { found = all.wait().size(); });
    });
    ErrorCode code = ErrorCode::internal;
    while (code != ErrorCode::usage)
        code = error_of([&] { (void)all.wait(false, at_once()); }).code;
    send_text(*all.clients[0], "word");
    first.join();
    CHECK(found == 1);
}
