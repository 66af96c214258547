// SPDX-License-Identifier: Apache-2.0
// Proves which message gets to whom, in which order.
#include "runtime/mailbox.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <numeric>
#include <random>
#include <thread>

#include "base/error.hpp"
#include "tests/support/messages.hpp"

using namespace ipcrun;
using namespace ipcrun::test;
using namespace std::chrono_literals;

TEST_CASE("messages: those with equal tags arrive in the order in which they were sent") {
    run_mailboxes({.ranks = 2}, [](MailboxRank& self) {
        constexpr int count = 5000;
        if (self.rank == 0)
            for (int i = 0; i < count; ++i) send_int(self, i, 1, 3);
        else
            for (int i = 0; i < count; ++i) REQUIRE(receive_int(self, 0, 3) == i);
    });
}

TEST_CASE("messages: a receive gets the first one with its tag, whatever came before") {
    run_mailboxes({.ranks = 2}, [](MailboxRank& self) {
        if (self.rank == 0) {
            for (int i = 0; i < 300; ++i) send_int(self, i, 1, i % 3);
        } else {
            for (const int tag : {2, 0, 1})
                for (int i = tag; i < 300; i += 3) REQUIRE(receive_int(self, 0, tag) == i);
        }
    });
}

TEST_CASE("messages: any tag takes them in the order in which they were sent") {
    run_mailboxes({.ranks = 2}, [](MailboxRank& self) {
        if (self.rank == 0) {
            for (int i = 0; i < 100; ++i) send_int(self, i, 1, 50 - i % 7);
        } else {
            REQUIRE(receive_int(self, 0, 50 - 99 % 7) == 99 % 7);  // those before it are kept
            for (int i = 0; i < 100; ++i) {
                if (i == 99 % 7) continue;
                Envelope envelope;
                REQUIRE(receive_int(self, 0, any_tag, &envelope) == i);
                REQUIRE(envelope.tag == 50 - i % 7);
            }
        }
    });
}

TEST_CASE("messages: a source that never stops does not keep another from being heard") {
    run_mailboxes({.ranks = 3}, [](MailboxRank& self) {
        constexpr int chatter = 20000;
        if (self.rank == 1)
            for (int i = 0; i < chatter; ++i) send_int(self, i, 0, 1);
        if (self.rank == 2) {
            receive_int(self, 0);
            send_int(self, -1, 0, 1);
        }
        if (self.rank != 0) return;
        self.mail.probe(1, any_tag, soon(), {});
        send_int(self, 0, 2);
        self.mail.probe(2, any_tag, soon(), {});
        int before = 0;
        while (receive_int(self) >= 0) ++before;
        CHECK(before < 3);
        for (; before < chatter; ++before) receive_int(self, 1);
    });
}

TEST_CASE("messages: several parts travel as one, with gaps between elements on either side") {
    for (const std::int64_t rows : {4, 3000}) {
        CAPTURE(rows);
        run_mailboxes({.ranks = 2}, [&](MailboxRank& self) {
            std::vector<float> table(static_cast<std::size_t>(rows) * 3);
            std::vector<float> line(static_cast<std::size_t>(rows));
            const std::int64_t sizes[] = {rows}, strides[] = {3};
            const auto count = static_cast<std::size_t>(rows);
            const Part column{table.data(), count, Dtype::f32, sizes, strides};
            const Part flat{line.data(), count, Dtype::f32};
            if (self.rank == 0) {
                std::iota(table.begin(), table.end(), 0.0f);
                std::iota(line.begin(), line.end(), 0.5f);
                const Part parts[] = {column, flat};
                self.mail.send(parts, 1, 0, soon(), {});
            } else {
                const Part parts[] = {flat, column};
                self.mail.receive(parts, 0, 0, soon(), {});
                for (std::size_t i = 0; i < count; ++i) {
                    REQUIRE(line[i] == static_cast<float>(3 * i));
                    REQUIRE(table[3 * i] == static_cast<float>(i) + 0.5f);
                    REQUIRE(table[3 * i + 1] == 0.0f);
                }
            }
        });
    }
}

TEST_CASE("messages: a rank sends to itself, whatever the lag") {
    run_mailboxes({.ranks = 1}, [](MailboxRank& self) {
        self.mail.set_lag(100);
        std::vector<std::uint8_t> data(100000), got(100000);
        fill(data.data(), data.size(), 8);
        const Part out = part_of(data), in = part_of(got);
        for (int i = 0; i < 3; ++i) self.mail.send({&out, 1}, 0, i, soon(), {});
        send_int(self, 42, 0, 9);
        CHECK(receive_int(self, 0, 9) == 42);
        for (int i = 0; i < 3; ++i) {
            CHECK(self.mail.receive({&in, 1}, any_source, any_tag, soon(), {}).tag == i);
            CHECK(got == data);
        }
    });
}

TEST_CASE("messages: probe tells of a message and leaves it") {
    run_mailboxes({.ranks = 2}, [](MailboxRank& self) {
        if (self.rank == 0) {
            receive_int(self, 1);
            send_int(self, 1, 1, 5);
            double pair[2] = {1, 2};
            const Part part{pair, 2, Dtype::f64};
            self.mail.send({&part, 1}, 1, 6, soon(), {});
        } else {
            CHECK_FALSE(self.mail.test_message(any_source, any_tag));
            send_int(self, 0, 0);
            const Envelope seen = self.mail.probe(any_source, 6, soon(), {});
            CHECK(seen.source == 0);
            CHECK(seen.tag == 6);
            CHECK(seen.bytes == 16);
            CHECK(seen.dtype == Dtype::f64);
            CHECK(self.mail.test_message(0, any_tag)->tag == 5);
            CHECK(receive_int(self, 0) == 1);
            CHECK(self.mail.receive_message(0, any_tag, soon(), {}).storage->count() == 2);
            CHECK_FALSE(self.mail.test_message(any_source, any_tag));
        }
    });
}

TEST_CASE("messages: started receives get messages in the order in which they were started") {
    run_mailboxes({.ranks = 2}, [](MailboxRank& self) {
        if (self.rank == 0) {
            receive_int(self, 1);
            for (int i = 0; i < 4; ++i) send_int(self, i, 1, i % 2);
        } else {
            int got[4] = {-1, -1, -1, -1};
            std::vector<Request> requests;
            for (int i = 0; i < 3; ++i) {
                const Part part{&got[i], 1, Dtype::i32};
                requests.push_back(
                    self.mail.start_receive({&part, 1}, 0, i == 1 ? 1 : any_tag, {}));
            }
            CHECK_FALSE(requests[0].test());
            send_int(self, 0, 0);
            CHECK(receive_int(self, 0) == 3);  // behind the three that were started
            CHECK(requests[2].wait(soon()));
            CHECK(requests[0].wait(soon()));
            CHECK(requests[1].test());
            CHECK(got[0] == 0);
            CHECK(got[1] == 1);
            CHECK(got[2] == 2);
        }
    });
}

TEST_CASE("messages: a started receive of a long message is written where it wants it") {
    std::atomic<bool> was_late{false};
    run_mailboxes({.ranks = 2}, [&](MailboxRank& self) {
        constexpr std::size_t bytes = 1 << 20;
        auto* data = self.allocate<std::uint8_t>(bytes);
        const Part part{data, bytes, Dtype::u8};
        if (self.rank == 0) {
            fill(data, bytes, 4);
            while (!was_late) std::this_thread::yield();
            await_post(self, 1);
            self.mail.send({&part, 1}, 1, 0, soon(), {});
            CHECK(self.group.block().channel(2, 0, 1).first_segment.load() == 0);
        } else {
            Request request = self.mail.start_receive({&part, 1}, 0, 0, {});
            CHECK_FALSE(request.wait(Deadline::after(0.001s)));
            was_late = true;
            CHECK(request.wait(soon()));
            CHECK(is_filled(data, bytes, 4));
        }
    });
}

TEST_CASE("messages: a started send beyond the lag goes on while its rank waits for another") {
    run_mailboxes({.ranks = 2}, [](MailboxRank& self) {
        constexpr std::size_t bytes = 1 << 20;
        self.mail.set_lag(1000);
        auto* data = self.allocate<std::uint8_t>(bytes);
        const Part part{data, bytes, Dtype::u8};
        if (self.rank == 0) {
            fill(data, bytes, 6);
            Request first = self.mail.start_send({&part, 1}, 1, 1, {});
            Request second = self.mail.start_send({&part, 1}, 1, 1, {});
            CHECK_FALSE(first.test());
            CHECK_FALSE(second.wait(Deadline::after(0.001s)));
            send_int(self, 0, 1, 2);
            CHECK(receive_int(self, 1) == 1);
            CHECK(second.wait(soon()));
            CHECK(first.test());
        } else {
            CHECK(receive_int(self, 0, 2) == 0);
            for (int i = 0; i < 2; ++i) {
                std::memset(data, 0, bytes);
                self.mail.receive({&part, 1}, 0, 1, soon(), {});
                CHECK(is_filled(data, bytes, 6));
            }
            send_int(self, 1, 0);
        }
    });
}

TEST_CASE("messages: eight ranks that send everything to everybody get it all as it was sent") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    for (const int cpus : {2, 8})
        run_mailboxes({.ranks = 8, .cpus = cpus}, [seed](MailboxRank& self) {
            constexpr int each = 60;
            std::mt19937 random(seed + static_cast<unsigned>(self.rank));
            self.mail.set_lag(1 << 16);
            std::vector<int> unsent(8 * each);  // receivers
            for (std::size_t i = 0; i < unsent.size(); ++i) unsent[i] = static_cast<int>(i % 8);
            std::shuffle(unsent.begin(), unsent.end(), random);
            std::vector<unsigned> sent(8), received(8);
            std::vector<Request> requests;
            const auto send_one = [&] {
                const int to = unsent.back();
                unsent.pop_back();
                const std::size_t bytes = random() % (random() % 4 == 0 ? 200000 : 500);
                auto* data = self.allocate<std::uint8_t>(bytes);
                fill(data, bytes, sent[to]++ * 8 + static_cast<unsigned>(self.rank));
                const Part part{data, bytes, Dtype::u8};
                requests.push_back(self.mail.start_send({&part, 1}, to, 1, {}));
            };
            const auto receive_one = [&](const Envelope& next) {
                auto* data = self.allocate<std::uint8_t>(next.bytes);
                const Part part{data, next.bytes, Dtype::u8};
                self.mail.receive({&part, 1}, next.source, 1, soon(), {});
                REQUIRE(
                    is_filled(data, next.bytes,
                              received[next.source]++ * 8 + static_cast<unsigned>(next.source)));
                self.heap->deallocate(data);
            };
            for (int left = 8 * each; left > 0 || !unsent.empty();) {
                if (!unsent.empty() && random() % 2 == 0) send_one();
                if (left == 0) continue;
                const auto next = unsent.empty() ? self.mail.probe(any_source, 1, soon(), {})
                                                 : self.mail.test_message(any_source, 1);
                if (!next) continue;
                receive_one(*next);
                --left;
            }
            for (Request& request : requests) REQUIRE(request.wait(soon()));
        });
}
