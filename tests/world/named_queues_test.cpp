// SPDX-License-Identifier: Apache-2.0
// Queues that have a name, between ranks of several hosts.
#include <doctest/doctest.h>

#include <map>
#include <mutex>
#include <set>

#include "tests/world/queue_ranks.hpp"

namespace ipcrun {

using namespace world_test;
using test::read;
using test::read_number;
using test::try_write;
using test::write;

namespace {

// An item that fits in no message that is sent unasked.
std::vector<std::int32_t> large(int rank) {
    return values(rank, 300'000);
}

}  // namespace

TEST_CASE("named queues: items go between hosts in the order of writing") {
    run_with_queues({1, 1}, [](QueueRank& self) {
        const auto there = self.open("there"), back = self.open("back");
        for (std::uint64_t i = 0; i < 200; ++i) {
            if (self.rank() == 0) {
                CHECK(write(*there, i));
                CHECK(read_number(*back) == i);
            } else {
                CHECK(read_number(*there) == i);
                CHECK(write(*back, i));
            }
        }
    });
}

TEST_CASE("named queues: ranks of two other hosts reach each other by one") {
    run_with_queues({1, 1, 1}, [](QueueRank& self) {
        const auto queue = self.open("queue", 3);
        for (std::uint64_t i = 0; i < 50; ++i) {
            if (self.rank() == 1) CHECK(write(*queue, i));
            if (self.rank() == 2) CHECK(read_number(*queue) == i);
        }
    });
}

TEST_CASE("named queues: a large item comes whole, from and to other hosts") {
    run_with_queues({1, 1, 1}, [](QueueRank& self) {
        const auto queue = self.open("large", 1);
        if (self.rank() != 1) {
            const auto items = large(self.rank());
            CHECK(write(*queue, items.data(), items.size() * sizeof items[0]));
            return;
        }
        std::set<int> from;
        for (int i = 0; i < 2; ++i) {
            const StoragePtr item = read(*queue);
            REQUIRE(item->bytes() == large(0).size() * sizeof(std::int32_t));
            CHECK(reinterpret_cast<std::uintptr_t>(item->data()) % 64 == 0);
            std::vector<std::int32_t> items(item->bytes() / sizeof(std::int32_t));
            std::memcpy(items.data(), item->data(), item->bytes());
            const int writer = items[0] / 1000 - 1;
            CHECK(items == large(writer));
            from.insert(writer);
        }
        CHECK(from == std::set<int>{0, 2});
    });
}

TEST_CASE("named queues: an item of no bytes is one") {
    run_with_queues({1, 1}, [](QueueRank& self) {
        const auto queue = self.open("empty");
        if (self.rank() == 1) {
            CHECK(write(*queue, nullptr, 0));
            CHECK(read(*queue)->bytes() == 0);
        }
    });
}

TEST_CASE("named queues: nobody can write more than has room, large or small") {
    run_with_queues({1, 1}, [](QueueRank& self) {
        const auto queue = self.open("full", 2);
        const auto big = large(1);
        if (self.rank() == 1) {
            const std::uint64_t one = 1;
            CHECK(try_write(*queue, &one, sizeof one) == QueueOutcome::done);
            CHECK(try_write(*queue, &one, sizeof one) == QueueOutcome::done);
            CHECK(try_write(*queue, &one, sizeof one) == QueueOutcome::would_wait);
            CHECK(try_write(*queue, big.data(), big.size()) == QueueOutcome::would_wait);
            CHECK_FALSE(queue->may_write());
            CHECK(queue->items() == 2);
        }
        self.barrier();
        if (self.rank() == 0)
            for (int i = 0; i < 2; ++i) CHECK(read_number(*queue) == 1);
        if (self.rank() == 1) {
            CHECK(write(*queue, big.data(), big.size()));
            CHECK(read(*queue)->bytes() == big.size());
        }
    });
}

TEST_CASE("named queues: who waits for room is woken when there is some") {
    run_with_queues({1, 1, 1}, [](QueueRank& self) {
        const auto queue = self.open("narrow", 1);
        constexpr std::uint64_t count = 100;
        if (self.rank() == 0) return;
        for (std::uint64_t i = 0; i < count; ++i) {
            if (self.rank() == 1) CHECK(write(*queue, i));
            if (self.rank() == 2) CHECK(read_number(*queue) == i);
        }
    });
}

TEST_CASE("named queues: who gives up a read leaves the item that comes then to others") {
    run_with_queues({1, 1, 1}, [](QueueRank& self) {
        const auto queue = self.open("given up");
        StoragePtr item;
        QueueStatus after{};
        if (self.rank() == 1) {
            CHECK(queue->try_read(item, after) == QueueOutcome::would_wait);
            CHECK_FALSE(queue->may_read());
            queue->reader_leaves();
            CHECK(queue->may_read());
        }
        self.barrier();
        if (self.rank() == 0) CHECK(write(*queue, 7));
        if (self.rank() == 2) CHECK(read_number(*queue) == 7);
        self.barrier();
        CHECK(queue->items() == 0);
    });
}

TEST_CASE("named queues: a read that is woken in vain leaves the item to others at once") {
    run_with_queues({1, 1, 1}, [](QueueRank& self) {
        const auto queue = self.open("woken");
        StoragePtr item;
        QueueStatus after{};
        if (self.rank() == 1) CHECK(queue->try_read(item, after) == QueueOutcome::would_wait);
        self.barrier();
        // Behind the other one in line.
        if (self.rank() == 2) CHECK(queue->try_read(item, after) == QueueOutcome::would_wait);
        self.barrier();
        if (self.rank() == 0) CHECK(write(*queue, 7));
        // The first in line is woken and does not take it; so the second is.
        if (self.rank() == 0) return;
        const Deadline patience = soon();
        while (!queue->may_read() && !patience.has_passed()) self.self.wires->look();
        if (self.rank() == 1) queue->reader_leaves();
        if (self.rank() == 2) {
            CHECK(queue->try_read(item, after) == QueueOutcome::done);
            CHECK(item->bytes() == sizeof(std::uint64_t));
        }
    });
}

TEST_CASE("named queues: a closed one refuses writes, and is drained when the last item is read") {
    run_with_queues({2, 1, 1}, [](QueueRank& self) {
        const auto queue = self.open("closed");
        if (self.rank() == 2) {
            CHECK(write(*queue, 1));
            CHECK(queue->status() == QueueStatus::open);
            queue->close();
            queue->close();
        }
        self.barrier();
        CHECK(queue->status() == QueueStatus::closed);
        CHECK_FALSE(write(*queue, 2));
        const auto big = large(1);
        CHECK_FALSE(write(*queue, big.data(), big.size()));
        self.barrier();
        if (self.rank() == 3) {
            StoragePtr item;
            QueueStatus after{};
            CHECK(queue->try_read(item, after) == QueueOutcome::done);
            CHECK(after == QueueStatus::closed);
        }
        self.barrier();
        CHECK(queue->status() == QueueStatus::drained);
        CHECK_FALSE(read(*queue));
    });
}

TEST_CASE("named queues: those who wait when it is closed are told, readers and writers") {
    run_with_queues({1, 2, 2}, [](QueueRank& self) {
        const auto empty = self.open("empty"), full = self.open("full", 1);
        if (self.rank() == 0) CHECK(write(*full, 1));
        self.barrier();
        if (self.rank() == 1 || self.rank() == 3) CHECK_FALSE(read(*empty));
        if (self.rank() == 2 || self.rank() == 4) CHECK_FALSE(write(*full, 2));
        if (self.rank() != 0) return;
        empty->close();
        full->close();
    });
}

TEST_CASE("named queues: each item comes to one of many readers, and none is lost") {
    std::mutex mutex;
    std::multiset<std::uint64_t> got;
    constexpr std::uint64_t each = 150;
    std::atomic<int> writers = 4;
    run_with_queues({2, 2, 2, 2}, [&](QueueRank& self) {
        const auto queue = self.open("many", 5);
        const auto rank = static_cast<std::uint64_t>(self.rank());
        if (rank % 2 == 0) {
            for (std::uint64_t i = 0; i < each; ++i) CHECK(write(*queue, rank * each + i));
            if (writers.fetch_sub(1) == 1) queue->close();
            return;
        }
        std::map<std::uint64_t, std::uint64_t> last;
        while (const auto number = read_number(*queue)) {
            const std::lock_guard lock(mutex);
            got.insert(*number);
            // Of each writer in its order.
            const std::uint64_t writer = *number / each, at = *number % each + 1;
            CHECK(last[writer] < at);
            last[writer] = at;
        }
    });
    CHECK(got.size() == 4 * each);
    for (std::uint64_t writer = 0; writer < 8; writer += 2)
        for (std::uint64_t i = 0; i < each; ++i) CHECK(got.count(writer * each + i) == 1);
}

TEST_CASE("named queues: threads of one rank read the same one") {
    run_with_queues({1, 1}, [](QueueRank& self) {
        const auto queue = self.open("threads");
        constexpr std::uint64_t count = 120;
        if (self.rank() == 0) {
            for (std::uint64_t i = 0; i < count; ++i) CHECK(write(*queue, i));
            queue->close();
            return;
        }
        std::atomic<std::uint64_t> sum = 0;
        std::vector<std::thread> threads;
        for (int i = 0; i < 3; ++i)
            threads.emplace_back([&] {
                while (const auto number = read_number(*queue)) {
                    sum += *number;
                    queue->reader_leaves();
                }
            });
        for (std::thread& thread : threads) thread.join();
        CHECK(sum == count * (count - 1) / 2);
    });
}

TEST_CASE("named queues: another capacity is refused, as by the agent") {
    run_with_queues({1, 1}, [](QueueRank& self) {
        if (self.rank() != 1) return;
        const auto queue = self.open("sized", 3);
        CHECK(queue->capacity() == 3);
        const Error error = error_of([&] { (void)self.open("sized", 4); });
        CHECK(error.code == ErrorCode::usage);
        CHECK(says(error, "'sized'"));
        // And it is still there.
        CHECK(write(*queue, 1));
    });
}

TEST_CASE("named queues: a child after fork() has none, and lets go of its copies") {
    run_with_queues({1, 1}, [](QueueRank& self) {
        auto queue = self.open("forked");
        if (self.rank() == 0) return;
        StoragePtr item;
        QueueStatus after{};
        CHECK(queue->try_read(item, after) == QueueOutcome::would_wait);
        const pid_t pid = ::fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
            const Error error = error_of([&] { (void)queue->try_read(item, after); });
            queue->reader_leaves();
            queue.reset();
            ::_exit(error.code == ErrorCode::usage ? 0 : 1);
        }
        int status = -1;
        CHECK(::waitpid(pid, &status, 0) == pid);
        CHECK(status == 0);
        // The parent's is what it was.
        CHECK(write(*queue, 1));
        CHECK(read_number(*queue) == 1);
    });
}

}  // namespace ipcrun
