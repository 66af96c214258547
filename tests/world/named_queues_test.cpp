// SPDX-License-Identifier: Apache-2.0
// Queues that have a name, between ranks of several hosts: rank 0's host has their memory.
#include <doctest/doctest.h>

#include <map>
#include <mutex>
#include <set>

#include "runtime/world/queue_server.hpp"
#include "runtime/world/remote_queue.hpp"
#include "tests/support/queue_ends.hpp"
#include "tests/world/every_world.hpp"

namespace ipcrun {

using namespace world_test;
using test::Alone;
using test::read;
using test::read_number;
using test::try_write;
using test::write;

namespace {

// What the agent of rank 0's host keeps.
class Agent {
  public:
    std::shared_ptr<SharedQueue> open(const std::string& name, std::uint64_t capacity) {
        const std::lock_guard lock(mutex_);
        auto& queue = queues_[name];
        if (queue == nullptr) queue = SharedQueue::create(capacity);
        if (queue->capacity() != capacity)
            fail(ErrorCode::usage, "open the queue '{}': it has another capacity", name);
        return SharedQueue::attach(test::descriptor_of(*queue));
    }

  private:
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<SharedQueue>> queues_;
};

// A rank that has queues, as Job makes it.
struct QueueRank {
    HostRank& self;
    Agent& agent;
    std::unique_ptr<QueueServer> server;
    std::shared_ptr<QueueClient> client;

    int rank() const { return self.rank; }
    std::shared_ptr<SharedQueue> open(const std::string& name, std::uint64_t capacity = 0) {
        if (self.wires->is_here(queue_server_rank)) return agent.open(name, capacity);
        if (client == nullptr)
            client = std::make_shared<QueueClient>(self.wires, self.heap->memory());
        return std::make_shared<RemoteQueue>(client, name, capacity);
    }
    void barrier() { self.world.barrier(soon()); }
};

void run_with_queues(const std::vector<int>& ranks_on,
                     const std::function<void(QueueRank&)>& body) {
    Agent agent;
    run_hosts({.ranks_on = ranks_on}, [&](HostRank& self) {
        QueueRank rank{self, agent, nullptr, nullptr};
        if (self.rank == queue_server_rank)
            rank.server = std::make_unique<QueueServer>(
                self.wires, [&agent](const std::string& name, std::uint64_t capacity) {
                    return agent.open(name, capacity);
                });
        body(rank);
        self.world.barrier(soon());
    });
}

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

TEST_CASE("named queues: the end of the serving rank is told to who waits") {
    Agent agent;
    const auto outcomes = test::run_hosts_to_the_end({.ranks_on = {1, 1, 1}}, [&](HostRank& self) {
        QueueRank rank{self, agent, nullptr, nullptr};
        if (self.rank == queue_server_rank) {
            rank.server = std::make_unique<QueueServer>(
                self.wires, [&agent](const std::string& name, std::uint64_t capacity) {
                    return agent.open(name, capacity);
                });
            self.world.barrier(soon());
            throw Error(ErrorCode::internal, "the end");
        }
        const auto queue = rank.open("lost");
        self.world.barrier(soon());
        const Error error = error_of([&] { (void)read(*queue); });
        CHECK_MESSAGE(error.code == ErrorCode::peer_lost, std::string(error.what()));
        CHECK(error.rank == queue_server_rank);
        CHECK_MESSAGE(says(error, "rank 0 on host h0"), std::string(error.what()));
        CHECK_MESSAGE(says(error, "'lost'"), std::string(error.what()));
    });
    CHECK(outcomes[0]);
    CHECK_FALSE(outcomes[1]);
    CHECK_FALSE(outcomes[2]);
}

TEST_CASE("named queues: a rank that ends while it waits is not waited for") {
    Agent agent;
    std::atomic<bool> has_waited = false;
    const auto outcomes = test::run_hosts_to_the_end({.ranks_on = {1, 1, 1}}, [&](HostRank& self) {
        QueueRank rank{self, agent, nullptr, nullptr};
        if (self.rank == queue_server_rank)
            rank.server = std::make_unique<QueueServer>(
                self.wires, [&agent](const std::string& name, std::uint64_t capacity) {
                    return agent.open(name, capacity);
                });
        const auto queue = rank.open("left");
        if (self.rank == 1) {
            StoragePtr item;
            QueueStatus after{};
            CHECK(queue->try_read(item, after) == QueueOutcome::would_wait);
            has_waited = true;
            throw Error(ErrorCode::internal, "the end");
        }
        while (!has_waited.load()) std::this_thread::yield();
        if (self.rank == 0) {
            CHECK(write(*queue, 5));
            CHECK(read_number(*rank.open("done")) == 6);
            return;
        }
        CHECK(read_number(*queue) == 5);
        CHECK(write(*rank.open("done"), 6));
    });
    CHECK(outcomes[1]);
    CHECK_FALSE(outcomes[0]);
    CHECK_FALSE(outcomes[2]);
}

TEST_CASE("named queues: the serving rank stays until all others have ended") {
    Agent agent;
    std::atomic<bool> stays = false;
    run_hosts({.ranks_on = {1, 1, 1}}, [&](HostRank& self) {
        QueueRank rank{self, agent, nullptr, nullptr};
        if (self.rank == queue_server_rank) {
            rank.server = std::make_unique<QueueServer>(
                self.wires, [&agent](const std::string& name, std::uint64_t capacity) {
                    return agent.open(name, capacity);
                });
            stays = true;
            rank.server->serve_to_the_end(self.heap->memory()->control().header().alert);
            CHECK(rank.server->was_used());
            CHECK(rank.agent.open("late", 0)->items() == 2);
            return;
        }
        while (!stays.load()) std::this_thread::yield();
        CHECK(write(*rank.open("late"), 1));
    });
}

}  // namespace ipcrun
