// SPDX-License-Identifier: Apache-2.0
// Proves which message gets to whom, in which order, by which way, and what memory it costs.
#include "runtime/mailbox.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <numeric>
#include <random>
#include <thread>

#include "base/error.hpp"
#include "runtime/channel.hpp"
#include "tests/support/run_mailboxes.hpp"

using namespace ipcrun;
using namespace ipcrun::test;
using namespace std::chrono_literals;

namespace {

Deadline soon() {
    return Deadline::after(20s);
}

Part part_of(std::vector<std::uint8_t>& bytes) {
    return {bytes.data(), bytes.size(), Dtype::u8};
}

void send_int(MailboxRank& self, int value, int to, int tag = 0) {
    const Part part{&value, 1, Dtype::i32};
    self.mail.send({&part, 1}, to, tag, soon(), {});
}

int receive_int(MailboxRank& self, int from = any_source, int tag = any_tag,
                Envelope* envelope = nullptr) {
    int value = 0;
    const Part part{&value, 1, Dtype::i32};
    const Envelope got = self.mail.receive({&part, 1}, from, tag, soon(), {});
    if (envelope != nullptr) *envelope = got;
    return value;
}

void fill(std::uint8_t* data, std::size_t bytes, unsigned seed) {
    for (std::size_t i = 0; i < bytes; ++i)
        data[i] = static_cast<std::uint8_t>(i * 7 + i / 251 + seed);
}

bool is_filled(const std::uint8_t* data, std::size_t bytes, unsigned seed) {
    for (std::size_t i = 0; i < bytes; ++i)
        if (data[i] != static_cast<std::uint8_t>(i * 7 + i / 251 + seed)) return false;
    return true;
}

// Until the peer sleeps on its mail: it waits, and will not come back by itself.
void await_sleeper(MailboxRank& self, int peer) {
    while (self.group.member(peer).mail.sleepers.load() == 0) std::this_thread::yield();
}

void await_post(MailboxRank& self, int peer) {
    while (Post::phase_of(self.group.member(peer).post.state.load()) != Post::Phase::open)
        std::this_thread::yield();
}

ErrorCode code_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const Error& error) {
        return error.code;
    }
    return ErrorCode::internal;
}

}  // namespace

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

TEST_CASE("messages: all sizes around every limit arrive whole, from and into any memory") {
    for (const std::size_t bytes : {0, 1, 8, 40, 41, 64, 1000, 2047, 2048, 2049, 4096, 16383, 16384,
                                    65536, 262144, 262145, 1 << 20, (4 << 20) + 3}) {
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
