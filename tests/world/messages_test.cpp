// SPDX-License-Identifier: Apache-2.0
// Messages of a communicator whose members are on several hosts.
#include <doctest/doctest.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "tests/support/run_hosts.hpp"

namespace ipcrun {

namespace {

using test::HostRank;
using test::HostsOptions;
using test::run_hosts;

Part part_of(std::vector<std::int64_t>& items) {
    return {.data = items.data(), .count = items.size(), .dtype = Dtype::i64};
}

Deadline soon() {
    return Deadline::after(Seconds(60));
}

std::vector<std::int64_t> values(int from, int to, std::size_t count) {
    std::vector<std::int64_t> result(count);
    for (std::size_t i = 0; i < count; ++i)
        result[i] = std::int64_t{from} * 1'000'000'000 + std::int64_t{to} * 1'000'000 +
                    static_cast<std::int64_t>(i % 1000);
    return result;
}

}  // namespace

TEST_CASE("world: any two ranks exchange messages of any size, wherever they are") {
    for (const bool cyclic : {false, true})
        run_hosts({.ranks_on = {2, 1, 3}, .cyclic = cyclic}, [](HostRank& self) {
            const int size = self.world.size();
            REQUIRE(size == 6);
            for (const std::size_t count : {0, 1, 100, 10'000, 300'000}) {
                for (int step = 0; step < size; ++step) {
                    const int to = (self.rank + step) % size;
                    const int from = (self.rank - step + size) % size;
                    auto out = values(self.rank, to, count);
                    std::vector<std::int64_t> in(count);
                    const Part part = part_of(out);
                    Request sent = self.world.start_send({&part, 1}, to, 5);
                    const Part room = part_of(in);
                    const Envelope envelope = self.world.receive({&room, 1}, from, 5, soon());
                    CHECK(envelope.source == from);
                    CHECK(envelope.tag == 5);
                    CHECK(in == values(from, self.rank, count));
                    CHECK(sent.wait(soon()));
                }
            }
        });
}

TEST_CASE("world: a receive from any rank hears those here and those on other hosts") {
    run_hosts({.ranks_on = {3, 2, 2}}, [](HostRank& self) {
        const int size = self.world.size();
        constexpr int rounds = 50;
        if (self.rank != 0) {
            for (int i = 0; i < rounds; ++i) {
                auto out = values(self.rank, i, i % 2 == 0 ? 3 : 20'000);
                const Part part = part_of(out);
                self.world.send({&part, 1}, 0, 1 + i % 2, soon());
            }
            return;
        }
        std::vector<int> next(static_cast<std::size_t>(size));
        for (int i = 0; i < rounds * (size - 1); ++i) {
            const Message message = self.world.receive_message(any_source, any_tag, soon());
            const int source = message.envelope.source;
            const int number = next[static_cast<std::size_t>(source)]++;
            CHECK(message.envelope.tag == 1 + number % 2);
            const auto expected = values(source, number, number % 2 == 0 ? 3 : 20'000);
            REQUIRE(message.envelope.bytes == expected.size() * sizeof expected[0]);
            CHECK(std::equal(expected.begin(), expected.end(),
                             reinterpret_cast<const std::int64_t*>(message.storage->data())));
        }
        CHECK(std::all_of(next.begin() + 1, next.end(), [](int n) { return n == rounds; }));
    });
}

TEST_CASE("world: started receives take messages in the order in which they were started") {
    run_hosts({.ranks_on = {2, 1}}, [](HostRank& self) {
        std::vector<std::int64_t> one(1), two(1), three(1);
        if (self.rank == 1) {
            const Part a = part_of(one), b = part_of(two), c = part_of(three);
            Request first = self.world.start_receive({&a, 1}, any_source, 1);
            Request second = self.world.start_receive({&b, 1}, 2, 1);
            Request third = self.world.start_receive({&c, 1}, any_source, 2);
            self.world.send({}, 2, 9, soon());
            CHECK(third.wait(soon()));
            CHECK(second.wait(soon()));
            CHECK(first.wait(soon()));
            CHECK(one[0] == 10);
            CHECK(two[0] == 20);
            CHECK(three[0] == 30);
        } else if (self.rank == 2) {
            self.world.receive({}, 1, 9, soon());
            for (std::int64_t i : {10, 20}) {
                one[0] = i;
                const Part part = part_of(one);
                self.world.send({&part, 1}, 1, 1, soon());
            }
            self.world.receive({}, 0, 9, soon());
        } else {
            one[0] = 30;
            const Part part = part_of(one);
            self.world.send({&part, 1}, 1, 2, soon());
            self.world.send({}, 2, 9, soon());
        }
    });
}

TEST_CASE("world: a probe finds a message of another host and leaves it") {
    run_hosts({.ranks_on = {1, 2}}, [](HostRank& self) {
        std::vector<std::int64_t> item{4};
        const Part part = part_of(item);
        if (self.rank == 2) return self.world.send({&part, 1}, 0, 3, soon());
        if (self.rank == 1) return;
        const Envelope found = self.world.probe(any_source, any_tag, soon());
        CHECK(found.source == 2);
        CHECK(found.tag == 3);
        CHECK(self.world.test_message(2, 3).has_value());
        CHECK_FALSE(self.world.test_message(1, 3).has_value());
        item[0] = 0;
        self.world.receive({&part, 1}, 2, 3, soon());
        CHECK(item[0] == 4);
    });
}

TEST_CASE("world: a wait for a rank that ends is an error that names it and its host") {
    run_hosts({.ranks_on = {1, 2}}, [](HostRank& self) {
        if (self.rank != 0) return;
        std::vector<std::int64_t> item(1);
        const Part part = part_of(item);
        for (const int from : {2, any_source}) {
            try {
                self.world.receive({&part, 1}, from, 3, soon());
                FAIL("a message came");
            } catch (const Error& error) {
                CHECK(error.code == ErrorCode::peer_lost);
                const std::string text = error.what();
                CHECK_MESSAGE(
                    (from == any_source || text.find("rank 2 on host h1") != std::string::npos),
                    text);
            }
        }
    });
}

TEST_CASE("world: a timeout of a message between hosts names whom it waited for") {
    run_hosts({.ranks_on = {1, 1}}, [](HostRank& self) {
        std::vector<std::int64_t> item(1);
        const Part part = part_of(item);
        if (self.rank == 0) {
            try {
                self.world.receive({&part, 1}, 1, 3, Deadline::after(Seconds(0.05)));
                FAIL("a message came");
            } catch (const Error& error) {
                CHECK(error.code == ErrorCode::timeout);
                CHECK(std::string(error.what()).find("rank 1 on host h1") != std::string::npos);
            }
            self.world.send({&part, 1}, 1, 4, soon());
        } else {
            self.world.receive({&part, 1}, 0, 4, soon());
        }
    });
}

TEST_CASE("world: what a rank has sent arrives while it computes") {
    run_hosts({.ranks_on = {1, 1}}, [](HostRank& self) {
        // More than sockets hold.
        auto items = values(0, 1, 4'000'000);
        const Part part = part_of(items);
        if (self.rank == 0) {
            Request sent = self.world.start_send({&part, 1}, 1, 3);
            // No call until the other has it all.
            const Deadline deadline = soon();
            while (self.wires->table().state_of(1) == RankState::absent && !deadline.has_passed())
                ::usleep(1000);
            CHECK(sent.wait(soon()));
        } else {
            std::fill(items.begin(), items.end(), 0);
            self.world.receive({&part, 1}, 0, 3, soon());
            CHECK(items == values(0, 1, 4'000'000));
        }
    });
}

TEST_CASE("hosts: who waits for one member sleeps, whatever others have sent") {
    run_hosts({.ranks_on = {2, 1}}, [](HostRank& self) {
        std::vector<std::int64_t> item{self.rank}, got(1);
        const Part mine = part_of(item), part = part_of(got);
        const auto cpu_time = [] {
            timespec time{};
            ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
            return Seconds(static_cast<double>(time.tv_sec) +
                           1e-9 * static_cast<double>(time.tv_nsec));
        };
        if (self.rank == 1) self.world.send({&mine, 1}, 0, 5, soon());
        self.world.barrier(soon());
        if (self.rank == 2) {
            std::this_thread::sleep_for(std::chrono::milliseconds(400));
            self.world.send({&mine, 1}, 0, 6, soon());
        }
        if (self.rank != 0) return self.world.barrier(soon());
        const Seconds before = cpu_time();
        self.world.receive({&part, 1}, 2, 6, soon());
        CHECK((cpu_time() - before).count() < 0.2);
        CHECK(got[0] == 2);
        self.world.receive({&part, 1}, 1, 5, soon());
        CHECK(got[0] == 1);
        self.world.barrier(soon());
    });
}

}  // namespace ipcrun
