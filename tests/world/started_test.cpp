// SPDX-License-Identifier: Apache-2.0
// Operations over hosts that are started, and waited for later.
#include <doctest/doctest.h>

#include <algorithm>
#include <deque>

#include "tests/world/every_world.hpp"

namespace ipcrun {

using namespace world_test;

namespace {

// Allreduces of different counts that were started.
struct Flight {
    std::deque<std::vector<std::int32_t>> items;
    std::vector<Request> requests;

    void start(HostRank& self, std::size_t count, Deadline deadline = soon()) {
        items.push_back(values(self.rank, count));
        const Part part = part_of(items.back());
        requests.push_back(self.world.start(Collective::allreduce({&part, 1}, Op::sum), deadline));
    }
};

}  // namespace

TEST_CASE("hosts: started operations are waited for in any order") {
    run_everywhere([](HostRank& self) {
        const int size = self.world.size();
        for (int round = 0; round < 5; ++round) {
            Flight flight;
            for (const std::size_t count : {40'000, 1, 0, 700, 100'003}) flight.start(self, count);
            std::vector<std::size_t> order = {3, 0, 4, 2, 1};
            std::rotate(order.begin(), order.begin() + self.rank % 5, order.end());
            for (const std::size_t i : order) {
                CHECK(flight.requests[i].wait(soon()));
                CHECK(flight.items[i] == sums(size, flight.items[i].size()));
            }
            // In between, one that is not started.
            self.world.barrier(soon());
        }
    });
}

TEST_CASE("hosts: a started operation is done while its members look elsewhere") {
    run_hosts({.ranks_on = {2, 1}}, [](HostRank& self) {
        Flight flight;
        flight.start(self, 1'000'000);
        const Deadline deadline = soon();
        // No call that could go on with it: other members' messages tell how far they are.
        while (!flight.requests[0].test() && !deadline.has_passed()) std::this_thread::yield();
        CHECK(flight.items[0] == sums(3, 1'000'000));
    });
}

TEST_CASE("hosts: messages go on while operations are under way") {
    run_hosts({.ranks_on = {2, 2}}, [](HostRank& self) {
        const int size = self.world.size();
        for (int round = 0; round < 20; ++round) {
            Flight flight;
            flight.start(self, 30'000);
            for (int step = 1; step < size; ++step) {
                auto out = values(self.rank, 20'000);
                std::vector<std::int32_t> in(20'000);
                const Part from = part_of(out), to = part_of(in);
                const int source = (self.rank + size - step) % size;
                Request sent = self.world.start_send({&from, 1}, (self.rank + step) % size, 4);
                self.world.receive({&to, 1}, source, 4, soon());
                CHECK(in == values(source, 20'000));
                CHECK(sent.wait(soon()));
            }
            CHECK(flight.requests[0].wait(soon()));
            CHECK(flight.items[0] == sums(size, 30'000));
        }
    });
}

TEST_CASE("hosts: more operations than may be under way wait for the oldest") {
    run_hosts({.ranks_on = {1, 2}}, [](HostRank& self) {
        Flight flight;
        for (std::size_t i = 0; i < 3 * Communicator::started_max; ++i)
            flight.start(self, 1000 + i);
        // What blocks comes behind all of them.
        std::vector<std::int32_t> last = values(self.rank, 5);
        const Part part = part_of(last);
        self.world.allreduce({&part, 1}, Op::sum, soon());
        CHECK(last == sums(3, 5));
        for (std::size_t i = 0; i < flight.requests.size(); ++i) {
            CHECK(flight.requests[i].test());
            CHECK(flight.items[i] == sums(3, 1000 + i));
        }
    });
}

TEST_CASE("hosts: a disagreement about a started operation is no more than this one's") {
    run_hosts({.ranks_on = {2, 2}}, [](HostRank& self) {
        Flight flight;
        flight.start(self, 100);
        flight.start(self, self.rank == 2 ? 7 : 8);
        flight.start(self, 100);
        CHECK(flight.requests[2].wait(soon()));
        CHECK(error_of([&] { (void)flight.requests[1].wait(soon()); }).code == ErrorCode::mismatch);
        CHECK(error_of([&] { (void)flight.requests[1].test(); }).code == ErrorCode::mismatch);
        CHECK(flight.requests[0].wait(soon()));
        for (const std::size_t i : {0, 2}) CHECK(flight.items[i] == sums(4, 100));
    });
}

TEST_CASE("hosts: a wait that ends by its own deadline fails nothing") {
    std::atomic<int> waited = 0;
    run_hosts({.ranks_on = {1, 2}}, [&](HostRank& self) {
        const Deadline patience = soon();
        while (self.rank == 1 && waited.load() < 2 && !patience.has_passed())
            std::this_thread::yield();
        Flight flight;
        flight.start(self, 1000);
        if (self.rank != 1) {
            CHECK_FALSE(flight.requests[0].wait(Deadline::after(Seconds(0.02))));
            waited.fetch_add(1);
        }
        CHECK(flight.requests[0].wait(soon()));
        CHECK(flight.items[0] == sums(3, 1000));
    });
}

TEST_CASE("hosts: the deadline of an operation ends it though those before it have none") {
    std::atomic<int> gave_up = 0;
    run_hosts({.ranks_on = {2, 1}}, [&](HostRank& self) {
        const Deadline patience = soon();
        if (self.rank == 2) {
            // Until the others are through with it.
            while (gave_up.load() < 2 && !patience.has_passed()) std::this_thread::yield();
            CHECK(error_of([&] { self.world.barrier(soon()); }).code == ErrorCode::timeout);
            return;
        }
        Flight flight;
        flight.start(self, 1000, Deadline::never());
        const Error error = error_of([&] { self.world.barrier(Deadline::after(Seconds(0.1))); });
        CHECK_MESSAGE(error.code == ErrorCode::timeout, std::string(error.what()));
        CHECK(error_of([&] { (void)flight.requests[0].wait(soon()); }).code == ErrorCode::timeout);
        gave_up.fetch_add(1);
    });
}

TEST_CASE("hosts: who drops a communicator with operations under way is missed by the others") {
    for (const int gone : {0, 1, 3})
        run_hosts({.ranks_on = {2, 2}}, [gone](HostRank& self) {
            auto part = self.world.split(0, 0, soon());
            auto items = values(self.rank, 100'000);
            const Part whole = part_of(items);
            const Collective allreduce = Collective::allreduce({&whole, 1}, Op::sum);
            Request request;
            if (self.rank == gone) {
                // The others do not come to it before it has gone.
                request = part->start(allreduce, soon());
                part.reset();
                self.world.barrier(soon());
                CHECK(error_of([&] { (void)request.wait(soon()); }).code == ErrorCode::usage);
                return;
            }
            self.world.barrier(soon());
            request = part->start(allreduce, soon());
            const Error error = error_of([&] { (void)request.wait(soon()); });
            CHECK(error.code == ErrorCode::peer_lost);
            CHECK_MESSAGE(error.rank == gone, std::string(error.what()));
            CHECK_MESSAGE(says(error, "rank " + std::to_string(gone)), std::string(error.what()));
        });
}

TEST_CASE("hosts: who drops a communicator after its operations is not missed by them") {
    run_hosts({.ranks_on = {2, 1, 1}}, [](HostRank& self) {
        for (int round = 0; round < 30; ++round) {
            auto part = self.world.split(0, 0, soon());
            auto items = values(self.rank, 20'000);
            const Part whole = part_of(items);
            Request request = part->start(Collective::allreduce({&whole, 1}, Op::sum), soon());
            CHECK(request.wait(soon()));
            part.reset();
            CHECK(items == sums(4, 20'000));
        }
    });
}

}  // namespace ipcrun
