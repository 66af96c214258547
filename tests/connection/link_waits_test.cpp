// SPDX-License-Identifier: Apache-2.0
// How far a sender runs ahead, what both sides do when each waits for the other, and deadlines.
#include <doctest/doctest.h>

#include <atomic>

#include "tests/connection/link_ends.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

constexpr std::size_t mib = 1 << 20;

bool is_socket(Carrier carrier) {
    return carrier >= Carrier::unix_socket;
}

}  // namespace

TEST_CASE("link: two that send to each other first go on, within the lag") {
    for (const Carrier carrier : all_carriers()) {
        CAPTURE(name_of(carrier));
        Ends ends(carrier);
        const auto exchange = [](Link& link, std::uint32_t own, std::uint32_t other) {
            auto sent = pattern(50 * mib, own);
            std::vector<std::uint8_t> got(sent.size());
            for (int i = 0; i < 4; ++i) send_bytes(link, sent, 0, Deadline::never());
            for (int i = 0; i < 4; ++i) receive_bytes(link, got);
            if (got != pattern(sent.size(), other)) fail(ErrorCode::internal, "wrong bytes");
        };
        run_both([&] { exchange(*ends.first, 1, 2); }, [&] { exchange(*ends.second, 2, 1); });
    }
}

TEST_CASE("link: two that send more than the lag to each other learn it, and the link works on") {
    for (const Carrier carrier : all_carriers()) {
        CAPTURE(name_of(carrier));
        Ends ends(carrier);
        const auto exchange = [](Link& link) {
            std::vector<std::uint8_t> large(300 * mib);
            const Error error = error_of([&] { send_bytes(link, large, 0, Deadline::never()); });
            if (error.code != ErrorCode::usage) fail(ErrorCode::internal, "{}", error.what());
            send_text(link, "smaller");
            if (text_of(link.receive(0, soon())) != "smaller")
                fail(ErrorCode::internal, "something else came");
        };
        run_both([&] { exchange(*ends.first); }, [&] { exchange(*ends.second); });
    }
}

TEST_CASE("link: a message beyond the lag waits for its receiver, whatever that receives first") {
    for (const Carrier carrier : all_carriers()) {
        CAPTURE(name_of(carrier));
        Ends ends(carrier);
        auto sent = pattern(200 * mib, 1);
        std::atomic<bool> is_sent = false;
        run_both(
            [&] {
                send_bytes(*ends.first, sent, 1);
                send_bytes(*ends.first, sent, 2);
                is_sent = true;
            },
            [&] {
                std::vector<std::uint8_t> got(sent.size());
                CHECK(ends.second->wait(2, soon())->bytes == sent.size());
                CHECK_FALSE(is_sent);
                receive_bytes(*ends.second, got, 2);
                CHECK(got == sent);
                got.assign(got.size(), 0);
                receive_bytes(*ends.second, got, 1);
                CHECK(got == sent);
            });
    }
}

TEST_CASE("link: a send that times out before its message is under way has sent nothing") {
    for (const Carrier carrier : all_carriers()) {
        CAPTURE(name_of(carrier));
        Ends ends(carrier);
        std::vector<std::uint8_t> large(300 * mib);
        std::atomic<bool> has_failed = false;
        run_both(
            [&] {
                // Who receives nothing yet is in a call all the same, or a socket would be full.
                for (const std::string_view note : {"", "in vain"}) {
                    const Part part = part_of(large);
                    const Error error = error_of([&] {
                        ends.first->send(bytes_of(note), {&part, 1}, 0,
                                         Deadline::after(Seconds(0.1)));
                    });
                    CHECK(error.code == ErrorCode::timeout);
                }
                has_failed = true;
                send_text(*ends.first, "last");
            },
            [&] {
                while (!has_failed) (void)ends.second->wait(7, Deadline::after(Seconds(0.01)));
                std::vector<std::uint8_t> got(4);
                receive_bytes(*ends.second, got);
                CHECK(text_of(got) == "last");
            });
    }
}

TEST_CASE("link: what a message counts for the lag is its note, too") {
    std::vector<std::uint8_t> note(1024);
    std::vector<std::uint8_t> nearly_all(256 * mib - 512);
    for (const Carrier carrier : {Carrier::unix_socket, Carrier::tcp}) {
        CAPTURE(name_of(carrier));
        Ends ends(carrier);
        const Part part{nearly_all.data(), nearly_all.size(), Dtype::u8};
        const Error error = error_of([&] {
            ends.first->send(note, {&part, 1}, 0, Deadline::after(Seconds(0.02)));
        });
        CHECK(error.code == ErrorCode::timeout);
        // So nothing of it had been under way.
        send_text(*ends.first, "the next");
        CHECK(text_of(ends.second->receive(0, soon())) == "the next");
    }
}

TEST_CASE("link: a send that times out in the middle of its message loses a socket, and says so") {
    for (const Carrier carrier : all_carriers()) {
        if (!is_socket(carrier)) continue;
        CAPTURE(name_of(carrier));
        Ends ends(carrier);
        std::vector<std::uint8_t> large(100 * mib);
        const Error error =
            error_of([&] { send_bytes(*ends.first, large, 0, Deadline::after(Seconds(0.05))); });
        CHECK(error.code == ErrorCode::timeout);
        CHECK(std::string(error.what()) ==
              "send 104857600 bytes: timed out in the middle of the message: the connection is "
              "lost");
        CHECK(error_of([&] { send_text(*ends.first, "x"); }).code == ErrorCode::peer_lost);
        ends.first.reset();
        CHECK(error_of([&] { receive_bytes(*ends.second, large); }).code == ErrorCode::peer_lost);
    }
}

TEST_CASE("link: a receive that times out in the middle keeps what has come") {
    for (const Carrier carrier : all_carriers()) {
        if (!is_socket(carrier)) continue;
        for (const bool into_parts : {false, true}) {
            CAPTURE(name_of(carrier));
            Ends ends(carrier);
            auto sent = pattern(40 * mib, 5);
            std::atomic<bool> may_go_on = false;
            std::vector<std::uint8_t> got(sent.size(), 1);
            run_both(
                [&] {
                    // Sends as far as the socket takes it, with a receiver that comes and goes.
                    send_bytes(*ends.first, sent);
                },
                [&] {
                    int timeouts = 0;
                    for (;;) {
                        const Deadline shortly = Deadline::after(Seconds(0.0005));
                        const Error error =
                            error_of([&] { receive_bytes(*ends.second, got, 0, shortly); });
                        if (error.code == ErrorCode::internal) break;
                        CHECK(error.code == ErrorCode::timeout);
                        if (++timeouts < 4 || into_parts) continue;
                        const Message message = ends.second->receive(0, soon());
                        got.assign(got.size(), 1);
                        std::memcpy(got.data(), message.storage->data(), got.size());
                        break;
                    }
                });
            CHECK(got == sent);
        }
    }
}

TEST_CASE("link: a receive without a message ends with its deadline") {
    for (const Carrier carrier : all_carriers()) {
        CAPTURE(name_of(carrier));
        Ends ends(carrier);
        std::vector<std::uint8_t> four(4);
        const Deadline shortly = Deadline::after(Seconds(0.02));
        CHECK(error_of([&] { receive_bytes(*ends.second, four, 0, shortly); }).code ==
              ErrorCode::timeout);
        CHECK(error_of([&] { (void)ends.second->receive(0, now()); }).code == ErrorCode::timeout);
        CHECK_FALSE(ends.second->wait(0, now()));
        send_text(*ends.first, "here");
        receive_bytes(*ends.second, four);
        CHECK(text_of(four) == "here");
    }
}
