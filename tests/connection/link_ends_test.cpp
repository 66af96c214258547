// SPDX-License-Identifier: Apache-2.0
// How links end in good order.
#include "tests/connection/link_ends.hpp"

#include <doctest/doctest.h>

using namespace ipcrun;
using namespace ipcrun::test;

TEST_CASE("link: what was sent before a goodbye is received, then the peer has closed") {
    for (const Carrier carrier : all_carriers()) {
        CAPTURE(name_of(carrier));
        Ends ends(carrier);
        auto large = pattern(100'000, 1);
        send_text(*ends.first, "last words", 0, "note");
        send_bytes(*ends.first, large, 1);
        ends.first->close();
        ends.first->close();
        std::vector<std::uint8_t> got(large.size());
        receive_bytes(*ends.second, got, 1);
        CHECK(got == large);
        CHECK(text_of(ends.second->receive(0, soon())) == "last words");
        const Error error = error_of([&] { (void)ends.second->receive(0, soon()); });
        CHECK(error.code == ErrorCode::peer_lost);
        CHECK(std::string(error.what()) == "receive a message: the peer has closed the connection");
        CHECK(error_of([&] { (void)ends.second->wait(0, soon()); }).code == ErrorCode::peer_lost);
        CHECK(error_of([&] { send_text(*ends.second, "x"); }).code == ErrorCode::peer_lost);
        for (const auto& act :
             std::vector<std::function<void()>>{[&] { send_text(*ends.first, "x"); },
                                                [&] { (void)ends.first->receive(0, soon()); },
                                                [&] { (void)ends.first->wait(0, now()); }})
            CHECK(error_of(act).code == ErrorCode::usage);
    }
}

TEST_CASE("link: who sends to a peer that has closed learns it at once") {
    for (const Carrier carrier : all_carriers()) {
        CAPTURE(name_of(carrier));
        Ends ends(carrier);
        ends.first->close();
        const Error error = error_of([&] { send_text(*ends.second, "x"); });
        CHECK(error.code == ErrorCode::peer_lost);
        CHECK(std::string(error.what()) == "send 1 bytes: the peer has closed the connection");
    }
}

TEST_CASE("link: who waits wakes when the peer closes, whatever it waits for") {
    for (const Carrier carrier : all_carriers()) {
        CAPTURE(name_of(carrier));
        for (const int what : {0, 1, 2}) {
            Ends ends(carrier);
            run_both(
                [&] {
                    (void)ends.first->wait(9, Deadline::after(Seconds(0.03)));
                    ends.first->close();
                },
                [&] {
                    std::vector<std::uint8_t> large(300 << 20);
                    const Error error = error_of([&] {
                        if (what == 0) (void)ends.second->wait(0, Deadline::never());
                        if (what == 1) receive_bytes(*ends.second, large, 0, Deadline::never());
                        if (what == 2) send_bytes(*ends.second, large, 0, Deadline::never());
                    });
                    CHECK(error.code == ErrorCode::peer_lost);
                });
        }
    }
}

TEST_CASE("link: who closes with messages unread loses none that it sent") {
    for (const Carrier carrier : all_carriers()) {
        CAPTURE(name_of(carrier));
        Ends ends(carrier);
        for (int i = 0; i < 100; ++i) send_text(*ends.second, "unread");
        auto sent = pattern(100'000, 4);
        send_bytes(*ends.first, sent);
        ends.first->close();
        std::vector<std::uint8_t> got(sent.size());
        receive_bytes(*ends.second, got);
        CHECK(got == sent);
    }
}

TEST_CASE("link: the end of a peer is told by how it ended") {
    for (const Carrier carrier : {Carrier::process, Carrier::memory}) {
        Wire wire(carrier);
        auto first = wire.end(0);
        auto second = wire.end(1);
        send_text(*first, "before");
        run_both(
            [&] {
                (void)first->wait(9, Deadline::after(Seconds(0.03)));
                static_cast<MemoryLink&>(*second).peer_ended("the peer was taken by the tide");
            },
            [&] {
                CHECK(text_of(second->receive(0, soon())) == "before");
                const Error error = error_of([&] { (void)second->receive(3, Deadline::never()); });
                CHECK(error.code == ErrorCode::peer_lost);
                CHECK(std::string(error.what()) ==
                      "receive a message with tag 3: the peer was taken by the tide");
                CHECK(error_of([&] { send_text(*second, "x"); }).code == ErrorCode::peer_lost);
            });
    }
}
