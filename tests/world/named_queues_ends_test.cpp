// SPDX-License-Identifier: Apache-2.0
// Queues that have a name, when ranks of several hosts end that have them.
#include <doctest/doctest.h>

#include "tests/world/queue_ranks.hpp"

namespace ipcrun {

using namespace world_test;
using test::read;
using test::read_number;
using test::write;

TEST_CASE("named queues: the end of the serving rank is told to who waits") {
    Agent agent;
    const auto outcomes = test::run_hosts_to_the_end({.ranks_on = {1, 1, 1}}, [&](HostRank& self) {
        QueueRank rank{self, agent, nullptr, nullptr};
        if (self.rank == queue_server_rank) {
            rank.serve();
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
        if (self.rank == queue_server_rank) rank.serve();
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
            rank.serve();
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
