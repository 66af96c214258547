// SPDX-License-Identifier: Apache-2.0
// Proves what senders and receivers see when a rank dies, leaves, is late or sends something else.
#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "base/fail.hpp"
#include "runtime/channel.hpp"
#include "tests/support/run_mailboxes.hpp"

using namespace ipcrun;
using namespace ipcrun::test;
using namespace std::chrono_literals;

namespace {

Deadline soon() {
    return Deadline::after(20s);
}

Error error_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const Error& error) {
        return error;
    }
    return Error(ErrorCode::internal, "no error came");
}

bool says(const Error& error, std::string_view text) {
    return std::string_view(error.what()).find(text) != std::string_view::npos;
}

void await_departure(MailboxRank& self, int peer) {
    while (self.group.state_of(peer) != RankState::exited) std::this_thread::yield();
}

// A message that its receiver waits for is copied by its sender.
void await_post(MailboxRank& self, int receiver) {
    const auto& state = self.group.member(receiver).post.state;
    const Deadline deadline = Deadline::after(1s);
    while (Post::phase_of(state.load()) != Post::Phase::open && !deadline.has_passed())
        std::this_thread::yield();
}

// Messages of all kinds in a ring, until an error comes. Looks whether anybody writes to memory
// that was freed then.
// `into_posts`: rank 1 sends when the next rank, an even one, has said where it wants its message,
// so that both copy it.
Error exchange_until_lost(MailboxRank& self, std::size_t bytes, std::size_t lag,
                          bool into_posts = false) {
    const int size = self.group.size();
    const int next = (self.rank + 1) % size, before = (self.rank + size - 1) % size;
    auto* out = self.allocate<std::uint8_t>(bytes);
    auto* in = self.allocate<std::uint8_t>(bytes);
    std::memset(out, self.rank, bytes);
    const Part from{out, bytes, Dtype::u8}, to{in, bytes, Dtype::u8};
    self.mail.set_lag(lag);
    const Error error = error_of([&] {
        for (int i = 0; i < 1000; ++i) {
            if (into_posts && self.rank == 1) await_post(self, next);
            Request sent = self.mail.start_send({&from, 1}, next, 0, {});
            if (self.rank % 2 == 0)
                self.mail.receive({&to, 1}, before, 0, soon(), {});
            else
                (void)self.mail.receive_message(before, 0, soon(), {});
            sent.wait(soon());
        }
    });
    self.heap->deallocate(in);
    auto* again = self.allocate<std::uint8_t>(bytes);
    std::memset(again, 0x55, bytes);
    std::this_thread::sleep_for(1ms);
    for (std::size_t i = 0; i < bytes; ++i)
        if (again[i] != 0x55) return Error(ErrorCode::internal, "somebody wrote to freed memory");
    return error;
}

}  // namespace

TEST_CASE("message failures: a rank killed at any step is named to every other") {
    for (const char* point : {"before_commit", "after_commit", "mid_copy", "holding_message"})
        for (const int ranks : {2, 3})
            for (const std::size_t bytes : {8ul, 3000ul, 2ul << 20})
                for (const std::size_t lag : {100ul, 1ul << 28}) {
                    // Short ones are never copied by two: then nobody would be struck.
                    const bool into_posts = std::string_view(point) == "mid_copy";
                    if (into_posts && bytes < 100000) continue;
                    CAPTURE(std::string(point));
                    CAPTURE(ranks);
                    CAPTURE(bytes);
                    CAPTURE(lag);
                    std::atomic<int> named{0};
                    run_mailboxes({.ranks = ranks, .fault = fmt::format("{}:{}:5", point, 1)},
                                  [&](MailboxRank& self) {
                                      const Error error =
                                          exchange_until_lost(self, bytes, lag, into_posts);
                                      CAPTURE(std::string(error.what()));
                                      CHECK(error.code == ErrorCode::peer_lost);
                                      CHECK(error.rank == 1);
                                      if (error.rank == 1) ++named;
                                  });
                    CHECK(named == ranks - 1);
                }
}

TEST_CASE("message failures: after a loss every call fails at once with the same error") {
    run_mailboxes({.ranks = 2, .fault = "after_commit:1:2"}, [](MailboxRank& self) {
        const Error error = exchange_until_lost(self, 8, 1000);
        int value = 0;
        const Part part{&value, 1, Dtype::i32};
        CHECK_THROWS_WITH_AS(self.mail.send({&part, 1}, 0, 0, soon(), {}), error.what(), Error);
        CHECK_THROWS_WITH_AS(self.mail.test_message(1, 0), error.what(), Error);
        CHECK(says(error, "rank 1, tag 0) at "));
        CHECK(says(error, "rank 1 failed: signal 9 (Killed)"));
    });
}

TEST_CASE("message failures: what a rank sent before it left is received, then it is missed") {
    run_mailboxes({.ranks = 3}, [](MailboxRank& self) {
        std::vector<std::uint8_t> data(100000);
        const Part part{data.data(), data.size(), Dtype::u8};
        if (self.rank == 1) {
            data[99999] = 7;
            self.mail.send({&part, 1}, 0, 2, soon(), {});
            return;
        }
        if (self.rank == 2) {
            self.mail.receive({&part, 1}, 0, 0, soon(), {});
            return;
        }
        await_departure(self, 1);
        CHECK_THROWS_AS(self.mail.receive({&part, 1}, 1, 3, soon(), {"train.lua", 12}), Error);
        self.mail.receive({&part, 1}, 1, 2, soon(), {});
        CHECK(data[99999] == 7);
        const Error error = error_of([&] {
            self.mail.receive({&part, 1}, 1, 3, soon(), {"train.lua", 12});
        });
        CHECK(error.code == ErrorCode::peer_lost);
        CHECK(error.rank == 1);
        CHECK(std::string(error.what()) ==
              "receive(from rank 1, tag 3) at train.lua:12: rank 1 has ended");
        CHECK(error_of([&] {
                  self.mail.send({&part, 1}, 1, 0, soon(), {});
              }).code == ErrorCode::peer_lost);
        self.mail.send({&part, 1}, 2, 0, soon(), {});  // the rest goes on
        const Error alone = error_of([&] { self.mail.probe(any_source, any_tag, soon(), {}); });
        CHECK(alone.code == ErrorCode::peer_lost);
        CHECK(says(alone, "all other ranks have left"));
    });
}

TEST_CASE("message failures: a sender that waits beyond the lag learns that its receiver left") {
    run_mailboxes({.ranks = 2}, [](MailboxRank& self) {
        std::vector<std::uint8_t> data(100000);
        const Part part{data.data(), data.size(), Dtype::u8};
        if (self.rank == 1) {
            while (self.group.member(0).mail.sleepers.load() == 0) std::this_thread::yield();
            return;
        }
        self.mail.set_lag(10);
        Request started = self.mail.start_send({&part, 1}, 1, 0, {});
        const Error error = error_of([&] { self.mail.send({&part, 1}, 1, 4, soon(), {}); });
        CHECK(error.code == ErrorCode::peer_lost);
        CHECK(says(error, "send(to rank 1, tag 4)"));
        CHECK_THROWS_AS(started.wait(soon()), Error);
        CHECK_THROWS_AS(started.test(), Error);
    });
}

TEST_CASE("message failures: a call whose time is up says for whom it waited, and costs nothing") {
    run_mailboxes({.ranks = 3}, [](MailboxRank& self) {
        auto* data = self.allocate<std::uint8_t>(100000);
        const Part part{data, 100000, Dtype::u8};
        if (self.rank == 2) {
            self.mail.receive({&part, 1}, 1, 0, soon(), {});
            return;
        }
        if (self.rank == 1) {
            self.mail.receive({&part, 1}, 0, any_tag, soon(), {});
            CHECK_FALSE(self.mail.test_message(0, any_tag));
            self.mail.send({&part, 1}, 2, 0, soon(), {});
            return;
        }
        const auto briefly = [] { return Deadline::after(0.01s); };
        const Error error = error_of([&] {
            self.mail.receive({&part, 1}, any_source, 7, briefly(), {"train.lua", 12});
        });
        CHECK(error.code == ErrorCode::timeout);
        CHECK(std::string(error.what()) ==
              "receive(from any rank, tag 7) at train.lua:12: timed out waiting for any of ranks "
              "1-2");
        CHECK(error_of([&] { self.mail.probe(2, 7, briefly(), {}); }).rank == 2);
        self.mail.set_lag(10);
        const Error late = error_of([&] { self.mail.send({&part, 1}, 2, 5, briefly(), {}); });
        CHECK(late.code == ErrorCode::timeout);
        CHECK(says(late, "send(to rank 2, tag 5)"));
        self.mail.send({&part, 1}, 1, 0, soon(), {});  // the others work on
    });
}

TEST_CASE("message failures: one of another size or type is refused, and stays") {
    run_mailboxes({.ranks = 2}, [](MailboxRank& self) {
        double pair[2] = {1, 2};
        const Part part{pair, 2, Dtype::f64};
        if (self.rank == 0) return self.mail.send({&part, 1}, 1, 3, soon(), {});
        float floats[4] = {};
        const Part other{floats, 4, Dtype::f32}, more{floats, 3, Dtype::f32};
        Request started = self.mail.start_receive({&more, 1}, 0, 3, {});
        CHECK_THROWS_AS(started.wait(soon()), Error);
        const Error error = error_of([&] { self.mail.receive({&other, 1}, 0, 3, soon(), {}); });
        CHECK(error.code == ErrorCode::mismatch);
        CHECK(says(error, "16 bytes of f64, and 16 bytes of f32"));
        pair[0] = 0;
        self.mail.receive({&part, 1}, 0, 3, soon(), {});
        CHECK(pair[0] == 1);
    });
}

TEST_CASE("message failures: calls that make no sense are refused") {
    run_mailboxes({.ranks = 1}, [](MailboxRank& self) {
        float values[4] = {};
        const Part part{values, 4, Dtype::f32};
        const auto code = [&](const std::function<void()>& call) { return error_of(call).code; };
        CHECK(code([&] { self.mail.send({&part, 1}, 1, 0, soon(), {}); }) == ErrorCode::usage);
        CHECK(code([&] { self.mail.send({&part, 1}, -1, 0, soon(), {}); }) == ErrorCode::usage);
        CHECK(code([&] { self.mail.send({&part, 1}, 0, -1, soon(), {}); }) == ErrorCode::usage);
        CHECK(code([&] { self.mail.receive({&part, 1}, -2, 0, soon(), {}); }) == ErrorCode::usage);
        CHECK(code([&] { self.mail.probe(0, -2, soon(), {}); }) == ErrorCode::usage);
        const std::int64_t sizes[] = {4}, strides[] = {0};
        const Part overlapping{values, 4, Dtype::f32, sizes, strides};
        CHECK(code([&] {
                  self.mail.receive({&overlapping, 1}, 0, 0, soon(), {});
              }) == ErrorCode::usage);
    });
}

TEST_CASE("message failures: one who waits for messages learns of a failure elsewhere") {
    run_mailboxes({.ranks = 3}, [](MailboxRank& self) {
        if (self.rank == 0) {
            const Error error =
                error_of([&] { (void)self.mail.receive_message(1, 0, soon(), {}); });
            CHECK(error.code == ErrorCode::timeout);
            CHECK(error.rank == 2);
            CHECK(says(error, "rank 2 gave up waiting"));
        } else if (self.rank == 2) {
            while (self.group.member(0).mail.sleepers.load() == 0) std::this_thread::yield();
            CHECK_THROWS_AS(self.group.give_up(ErrorCode::timeout, 2, 1, "barrier()", "too late"),
                            Error);
        } else {
            while (!self.group.recorded_failure()) std::this_thread::yield();
        }
    });
}

TEST_CASE("message failures: nobody writes to a receiver's memory once it has been told of one") {
    // Rank 2 fails while 0 writes to 1 without end.
    for (int round = 0; round < 5; ++round)
        run_mailboxes({.ranks = 3}, [](MailboxRank& self) {
            if (self.rank != 2) {
                const int peer = 1 - self.rank;
                constexpr std::size_t bytes = 4 << 20;
                auto* data = self.allocate<std::uint8_t>(bytes);
                std::memset(data, 1, bytes);
                const Part part{data, bytes, Dtype::u8};
                const Error error = error_of([&] {
                    for (;;) {
                        if (self.rank == 0)
                            self.mail.send({&part, 1}, peer, 0, soon(), {});
                        else
                            self.mail.receive({&part, 1}, peer, 0, soon(), {});
                    }
                });
                std::memset(data, 0x55, bytes);
                CHECK(error.code == ErrorCode::peer_lost);
                CHECK(error.rank == 2);
                std::this_thread::sleep_for(1ms);
                bool spoilt = false;
                for (std::size_t i = 0; i < bytes; ++i) spoilt = spoilt || data[i] != 0x55;
                CHECK_FALSE(spoilt);
            } else {
                const auto filled = [&] { return self.group.member(1).post.state.load() > 40; };
                while (!filled()) std::this_thread::yield();
                throw MailboxStruck();
            }
        });
}
