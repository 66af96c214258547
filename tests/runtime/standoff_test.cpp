// SPDX-License-Identifier: Apache-2.0
// Proves that two members that wait in sends to each other both learn of it, and nobody else does.
#include "runtime/standoff.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <random>
#include <thread>

#include "base/fail.hpp"
#include "tests/support/messages.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

constexpr std::size_t lag = 10'000;

void send_without_deadline(MailboxRank& self, std::vector<std::uint8_t>& bytes, int to, int tag) {
    const Part part = part_of(bytes);
    self.mail.send({&part, 1}, to, tag, Deadline::never(), {"train.lua", 12});
}

}  // namespace

TEST_CASE("standoff: two whose long messages wait for each other both get an error") {
    run_mailboxes({.ranks = 2}, [](MailboxRank& self) {
        self.mail.set_lag(lag);
        const int peer = 1 - self.rank;
        std::vector<std::uint8_t> bytes(20'000, 1);
        for (int round = 0; round < 200; ++round) {
            std::string text = "no error came";
            try {
                send_without_deadline(self, bytes, peer, 3);
            } catch (const Error& error) {
                text = error.what();
                CHECK(error.code == ErrorCode::usage);
                CHECK(error.rank == peer);
            }
            CHECK(text ==
                  fmt::format("send(to rank {}, tag 3) at train.lua:12: both sides are held "
                              "back: each has sent more than the other received (lag 10000 "
                              "bytes): receive first, or raise the lag",
                              peer));
            // Neither message is there, and the communicator works on.
            CHECK_FALSE(self.mail.test_message(peer, 3));
            send_int(self, round, peer, 1);
            CHECK(receive_int(self, peer, 1) == round);
        }
    });
}

TEST_CASE("standoff: two that are behind with many short messages both get an error") {
    run_mailboxes({.ranks = 3}, [](MailboxRank& self) {
        if (self.rank == 2) return;
        self.mail.set_lag(lag);
        const int peer = 1 - self.rank;
        std::vector<std::uint8_t> bytes(300, 1);
        int sent = 0;
        CHECK(code_of([&] {
                  for (;; ++sent) send_without_deadline(self, bytes, peer, sent);
              }) == ErrorCode::usage);
        CHECK(sent == lag / 300);
        for (int i = 0; i < sent; ++i)
            CHECK(self.mail.receive_message(peer, any_tag, soon(), {}).envelope.tag == i);
        // Both have received all: there is room again.
        send_int(self, 1, peer, 1000);
        CHECK(receive_int(self, peer, 1000) == 1);
    });
}

TEST_CASE("standoff: a started receive that does not match resolves nothing") {
    run_mailboxes({.ranks = 2}, [](MailboxRank& self) {
        self.mail.set_lag(lag);
        const int peer = 1 - self.rank;
        std::vector<std::uint8_t> bytes(20'000, 1), other(20'000);
        const Part part = part_of(other);
        Request waiting = self.mail.start_receive({&part, 1}, peer, 77, {});
        CHECK(code_of([&] { send_without_deadline(self, bytes, peer, 3); }) == ErrorCode::usage);
        send_int(self, 1, peer, 1);
        CHECK(receive_int(self, peer, 1) == 1);
    });
}

TEST_CASE("standoff: whoever has started to receive holds nobody back") {
    run_mailboxes({.ranks = 2}, [](MailboxRank& self) {
        self.mail.set_lag(lag);
        const int peer = 1 - self.rank;
        std::vector<std::uint8_t> bytes(20'000, 1), got(20'000);
        const Part part = part_of(got);
        for (int round = 0; round < 500; ++round) {
            Request received;
            // One of the two is enough.
            if (self.rank == round % 2) received = self.mail.start_receive({&part, 1}, peer, 3, {});
            send_without_deadline(self, bytes, peer, 3);
            if (self.rank == round % 2) {
                REQUIRE(received.wait(soon()));
            } else {
                self.mail.receive({&part, 1}, peer, 3, soon(), {});
            }
        }
    });
}

TEST_CASE("standoff: a send that has a deadline is left to it") {
    run_mailboxes({.ranks = 2}, [](MailboxRank& self) {
        self.mail.set_lag(lag);
        std::vector<std::uint8_t> bytes(20'000, 1);
        const Part part = part_of(bytes);
        if (self.rank == 0) {
            CHECK(code_of([&] {
                      self.mail.send({&part, 1}, 1, 3, Deadline::after(Seconds(0.02)), {});
                  }) == ErrorCode::timeout);
            self.mail.receive({&part, 1}, 1, 3, soon(), {});
        } else {
            send_without_deadline(self, bytes, 0, 3);
        }
    });
}

TEST_CASE("standoff: none is found where both receive in the end") {
    for (const int cpus : {0, 1})
        run_mailboxes({.ranks = 2, .cpus = cpus}, [](MailboxRank& self) {
            self.mail.set_lag(1000);
            std::mt19937 random(7);  // the same on both sides
            std::vector<std::uint8_t> bytes(3000);
            for (int round = 0; round < 150; ++round) {
                const bool first = static_cast<int>(random() % 2) == self.rank;
                const std::size_t size = random() % 2 == 0 ? 100 : 3000;
                const std::size_t answer = random() % 2 == 0 ? 100 : 3000;
                const int count = 1 + static_cast<int>(random() % 20);
                const auto send = [&](std::size_t length) {
                    const Part part{bytes.data(), length, Dtype::u8};
                    self.mail.send({&part, 1}, 1 - self.rank, 0, Deadline::never(), {});
                };
                const auto receive = [&](std::size_t length) {
                    REQUIRE(
                        self.mail.receive_message(1 - self.rank, 0, soon(), {}).envelope.bytes ==
                        length);
                };
                if (first) {
                    for (int i = 0; i < count; ++i) send(size);
                    for (int i = 0; i < count; ++i) receive(answer);
                } else {
                    for (int i = 0; i < count; ++i) receive(size);
                    for (int i = 0; i < count; ++i) send(answer);
                }
            }
        });
}
