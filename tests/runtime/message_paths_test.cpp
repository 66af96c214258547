// SPDX-License-Identifier: Apache-2.0
// Proves by which way a message travels, what memory that costs, and who waits for whom.
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

TEST_CASE("messages: all sizes around every limit arrive whole, from and into any memory") {
    for (const std::size_t bytes : {0, 1, 8, 40, 41, 64, 1023, 1024, 2047, 2048, 2049, 4096, 16383,
                                    16384, 65536, 262144, 262145, 1 << 20, (4 << 20) + 3}) {
        for (const int kind : {0, 1, 2, 3}) {
            CAPTURE(bytes);
            CAPTURE(kind);
            run_mailboxes({.ranks = 2}, [&](MailboxRank& self) {
                std::vector<std::uint8_t> own(bytes + 1);
                const bool heap = self.rank == 0 ? (kind & 1) != 0 : (kind & 2) != 0;
                auto* data = heap ? self.allocate<std::uint8_t>(bytes) : own.data();
                const Part part{data, bytes, Dtype::u8};
                for (unsigned round = 0; round < 3; ++round) {
                    if (self.rank == 0) {
                        fill(data, bytes, round);
                        self.mail.send({&part, 1}, 1, 0, soon(), {});
                    } else {
                        const Envelope got = self.mail.receive({&part, 1}, 0, 0, soon(), {});
                        REQUIRE(got.bytes == bytes);
                        REQUIRE(is_filled(data, bytes, round));
                    }
                }
            });
        }
    }
}

TEST_CASE("messages: a long one is kept by its receiver where the sender put it, and comes back") {
    run_mailboxes({.ranks = 2}, [](MailboxRank& self) {
        constexpr std::size_t bytes = 100000;
        if (self.rank == 0) {
            std::vector<std::uint8_t> data(bytes);
            fill(data.data(), bytes, 5);
            const Part part = part_of(data);
            std::size_t held = 0;
            for (int i = 0; i < 1000; ++i) {
                self.mail.send({&part, 1}, 1, 0, soon(), {});
                receive_int(self, 1);
                if (i == 10) held = self.heap->held_bytes();
            }
            CHECK(self.heap->held_bytes() <= held + 4 * Heap::unit_bytes);
            receive_int(self, 1);
        } else {
            std::byte* const sender = self.memory->arena(0);
            for (int i = 0; i < 1000; ++i) {
                Message message = self.mail.receive_message(0, 0, soon(), {});
                REQUIRE(message.storage->data() >= sender);
                REQUIRE(message.storage->data() < sender + self.memory->arena_bytes());
                REQUIRE(message.storage->bytes() == bytes);
                if (i % 100 == 0)
                    REQUIRE(is_filled(reinterpret_cast<std::uint8_t*>(message.storage->data()),
                                      bytes, 5));
                message.storage.reset();
                send_int(self, 0, 0);
            }
            send_int(self, 0, 0);
        }
    });
}

TEST_CASE("messages: a hundred thousand small ones need no more memory than a few") {
    run_mailboxes({.ranks = 2, .arena_bytes = 4 << 20}, [](MailboxRank& self) {
        self.mail.set_lag(1 << 20);
        std::vector<std::uint8_t> data(300);
        const Part part = part_of(data);
        for (int i = 0; i < 100000; ++i)
            if (self.rank == 0)
                self.mail.send({&part, 1}, 1, i % 2, soon(), {});
            else
                self.mail.receive({&part, 1}, 0, i % 2, soon(), {});
    });
}

TEST_CASE("messages: a receiver that waits has a long one written where it wants it") {
    run_mailboxes({.ranks = 2}, [](MailboxRank& self) {
        constexpr std::size_t bytes = 3 << 20;
        auto* data = self.allocate<std::uint8_t>(bytes);
        const Part part{data, bytes, Dtype::u8};
        if (self.rank == 0) {
            fill(data, bytes, 9);
            await_post(self, 1);
            const std::size_t before = self.heap->held_bytes();
            self.mail.send({&part, 1}, 1, 4, soon(), {});
            // Nothing went through the stream, nor through a block.
            CHECK(self.group.block().channel(2, 0, 1).first_segment.load() == 0);
            CHECK(self.heap->held_bytes() == before);
        } else {
            const Envelope got = self.mail.receive({&part, 1}, any_source, any_tag, soon(), {});
            CHECK(got.source == 0);
            CHECK(got.tag == 4);
            CHECK(got.bytes == bytes);
            CHECK(is_filled(data, bytes, 9));
        }
    });
}

TEST_CASE("messages: a short one that was sent first is not overtaken by a long one") {
    run_mailboxes({.ranks = 2}, [](MailboxRank& self) {
        constexpr std::size_t bytes = 1 << 20;
        auto* data = self.allocate<std::uint8_t>(bytes);
        for (int round = 0; round < 200; ++round) {
            const Part whole{data, bytes, Dtype::u8};
            const Part empty{data, 0, Dtype::u8};
            if (self.rank == 0) {
                if (round % 2 == 0) await_post(self, 1);
                self.mail.send({&empty, 1}, 1, 7, soon(), {});
                self.mail.send({&whole, 1}, 1, 7, soon(), {});
                receive_int(self, 1);
            } else {
                CHECK(code_of([&] {
                          self.mail.receive({&whole, 1}, 0, 7, soon(), {});
                      }) == ErrorCode::mismatch);
                self.mail.receive({&empty, 1}, 0, 7, soon(), {});
                self.mail.receive({&whole, 1}, 0, 7, soon(), {});
                send_int(self, 0, 0);
            }
        }
    });
}

TEST_CASE("messages: below the lag a sender does not wait for a receiver that computes") {
    run_mailboxes({.ranks = 2}, [](MailboxRank& self) {
        static std::atomic<bool> sent;
        if (self.rank == 0) {
            sent = false;
            std::vector<std::uint8_t> data(1 << 20);
            const Part part = part_of(data);
            for (int i = 0; i < 100; ++i) self.mail.send({&part, 1}, 1, 0, soon(), {});
            sent = true;
        } else {
            while (!sent) std::this_thread::yield();
            for (int i = 0; i < 100; ++i) (void)self.mail.receive_message(0, 0, soon(), {});
        }
    });
}

TEST_CASE("messages: beyond the lag a sender waits until some have been received, and goes on") {
    std::atomic<bool> timed_out{false};
    run_mailboxes({.ranks = 2}, [&](MailboxRank& self) {
        self.mail.set_lag(1000);
        if (self.rank == 0) {
            for (int i = 0; i < 15; ++i) send_int(self, i, 1, 1);  // 64 bytes each, for the lag
            int late = 15;
            const Part part{&late, 1, Dtype::i32};
            CHECK(code_of([&] {
                      self.mail.send({&part, 1}, 1, 2, Deadline::after(0.01s), {});
                  }) == ErrorCode::timeout);
            timed_out = true;
            self.mail.send({&part, 1}, 1, 2, soon(), {});
            send_int(self, 16, 1, 1);
        } else {
            while (!timed_out) std::this_thread::yield();
            await_sleeper(self, 0);
            for (int i = 0; i < 15; ++i) REQUIRE(receive_int(self, 0, 1) == i);
            // Room is enough: the one with tag 2 need not be received for its sender to go on.
            CHECK(receive_int(self, 0, 1) == 16);
            CHECK(receive_int(self, 0, 2) == 15);
            CHECK_FALSE(self.mail.test_message(0, any_tag));
        }
    });
}

TEST_CASE("messages: one longer than the lag goes when its receiver comes, into its own memory") {
    for (const bool from_heap : {true, false}) {
        for (const bool any_size : {true, false}) {
            CAPTURE(from_heap);
            CAPTURE(any_size);
            run_mailboxes({.ranks = 2}, [&](MailboxRank& self) {
                constexpr std::size_t bytes = 2 << 20;
                self.mail.set_lag(4096);
                std::vector<std::uint8_t> own(bytes);
                auto* data = from_heap ? self.allocate<std::uint8_t>(bytes) : own.data();
                const Part part{data, bytes, Dtype::u8};
                if (self.rank == 0) {
                    fill(data, bytes, 1);
                    self.mail.send({&part, 1}, 1, 0, soon(), {});
                    fill(data, bytes, 2);
                    send_int(self, 0, 1);
                } else {
                    await_sleeper(self, 0);
                    Message message;
                    if (any_size)
                        message = self.mail.receive_message(0, 0, soon(), {});
                    else
                        self.mail.receive({&part, 1}, 0, 0, soon(), {});
                    receive_int(self, 0);
                    const auto* got =
                        any_size ? reinterpret_cast<std::uint8_t*>(message.storage->data()) : data;
                    CHECK(is_filled(got, bytes, 1));
                }
            });
        }
    }
}

TEST_CASE("messages: a sender that waits beyond the lag helps to copy what it has offered") {
    run_mailboxes({.ranks = 2}, [](MailboxRank& self) {
        constexpr std::size_t bytes = 64 << 20;
        self.mail.set_lag(4096);
        auto* data = self.allocate<std::uint8_t>(bytes);
        const Part part{data, bytes, Dtype::u8};
        if (self.rank == 0) {
            fill(data, bytes, 3);
            for (int i = 0; i < 3; ++i) self.mail.send({&part, 1}, 1, i, soon(), {});
        } else {
            for (int i = 0; i < 3; ++i) {
                await_sleeper(self, 0);
                std::memset(data, 0, bytes);
                self.mail.receive({&part, 1}, 0, i, soon(), {});
                REQUIRE(is_filled(data, bytes, 3));
            }
        }
    });
}

TEST_CASE("messages: what nobody has received goes back to its owners at the end") {
    auto memory = NodeMemory::create(2, 2, 1ull << 26);
    std::vector<std::shared_ptr<Heap>> heaps;
    for (int rank = 0; rank < 2; ++rank) heaps.push_back(std::make_shared<Heap>(memory, rank));
    const auto cycle = [&] {
        std::memset(memory->control().at(memory->control().header().world_offset), 0,
                    CommunicatorBlock::bytes(2));
        std::vector<std::unique_ptr<Group>> groups;
        std::vector<std::unique_ptr<Mailbox>> mails;
        for (int rank = 0; rank < 2; ++rank) {
            groups.push_back(std::make_unique<Group>(
                heaps[rank],
                Identity{0, 0, {0, 1}, rank, memory->control().header().world_offset, 0},
                Faults()));
            mails.push_back(std::make_unique<Mailbox>(*groups.back()));
        }
        std::vector<std::uint8_t> data(1 << 20);
        const Part part = part_of(data), small{data.data(), 100, Dtype::u8};
        mails[0]->send({&part, 1}, 1, 0, soon(), {});
        for (int i = 0; i < 100; ++i) mails[0]->send({&small, 1}, 1, 1, soon(), {});
        mails[0]->set_lag(0);
        Request offered = mails[0]->start_send({&part, 1}, 1, 1, {});
        mails[1]->receive({&small, 1}, 0, 1, soon(), {});
        mails[1].reset();
        mails[0].reset();
        Mailbox::release(*groups[1]);
    };
    const auto used = [&] {
        // What is free is held; what is not held and was taken is in use.
        heaps[0]->release_idle(Clock::time_point::min());
        return heaps[0]->held_bytes();
    };
    cycle();
    const std::size_t after_one = used();
    for (int i = 0; i < 50; ++i) cycle();
    CHECK(used() == after_one);
    // Had anything stayed, the arena of 64 MiB would have been full long ago.
    CHECK(heaps[0]->allocate(60 << 20) != nullptr);
}
