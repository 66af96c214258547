// SPDX-License-Identifier: Apache-2.0
// Messages that are given up by one side, and communicators that are closed.
#include <algorithm>

#include "tests/hosts/hosts.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

TEST_CASE("remote mailbox: a sending that is dropped is taken back while nobody has asked for it") {
    Pair pair;
    std::vector<int> large(100'000, 1), other(100'000, 2), got(100'000);
    auto dropped = pair.send(large, 0);
    CHECK(pair.until([&] { return pair.b.box.find(0, 0).has_value(); }));
    dropped.reset();
    const auto kept = pair.send(other, 0);
    pair.wait(pair.receive(got, 0));
    CHECK(got == other);
    CHECK_FALSE(pair.b.box.find(0, any_tag));
    // It was dropped while somebody asked for it.
    for (int round = 0; round < 50; ++round) {
        const auto receiving = pair.receive(got, 0);
        auto again = pair.send(large, 0);
        for (int i = 0; i < round % 5; ++i) (void)pair.b.peers->progress();
        if (round % 3 == 0) (void)pair.a.peers->progress();
        std::thread carrier([&] {
            (void)progress_until(
                {pair.b.peers.get()}, [&] { return receiving->is_done(); },
                Deadline::after(Seconds(0.02)));
        });
        again.reset();
        carrier.join();
        if (!receiving->is_done()) {
            const auto next = pair.send(other, 0);
            pair.wait(receiving);
            // What was dropped had been asked for, and came all the same.
            if (got == large) pair.wait(pair.receive(got, 0));
            pair.wait(next);
        }
        CHECK(receiving->error() == nullptr);
        CHECK((got == large || got == other));
    }
}

TEST_CASE("remote mailbox: what was to come to a receiving that is dropped comes to the next") {
    Pair pair;
    auto bytes = pattern(64 << 20, 3);
    const auto sending = pair.send(bytes, 0);
    for (int round = 0; round < 4; ++round) {
        std::vector<std::uint8_t> gone(bytes.size());
        auto dropped = pair.receive(gone, round % 2 == 0 ? 0 : any_tag);
        for (int i = 0; i < round; ++i) {
            (void)pair.a.peers->progress();
            (void)pair.b.peers->progress();
        }
        CHECK_FALSE(dropped->is_done());
        dropped.reset();
        std::fill(gone.begin(), gone.end(), 0xff);
    }
    std::vector<std::uint8_t> got(bytes.size());
    const auto receiving = pair.receive(got, 0);
    pair.wait(receiving);
    pair.wait(sending);
    CHECK(receiving->error() == nullptr);
    CHECK(got == bytes);
}

TEST_CASE(
    "remote mailbox: what was to come to a receiving that is dropped keeps its place in line") {
    Pair pair;
    std::vector<int> large(100'000, 1), small{2};
    const auto first = pair.send(large, 0);
    const auto second = pair.send(small, 0);
    CHECK(pair.until([&] { return pair.b.box.find(0, 0).has_value(); }));
    CHECK(pair.until([&] { return second->is_done(); }));
    for (int step = 0; step < 3; ++step) (void)pair.b.peers->progress();
    {
        std::vector<int> gone(large.size());
        const auto dropped = pair.receive(gone, 0);
        CHECK_FALSE(dropped->is_done());
    }
    std::vector<int> got(large.size()), next(1);
    pair.wait(pair.receive(got, 0));
    pair.wait(pair.receive(next, 0));
    CHECK(got == large);
    CHECK(next == small);
}

TEST_CASE("remote mailbox: who closes its communicator is missed there alone, after its messages") {
    World world(2);
    Member a(world, 0, 1), b(world, 1, 1);
    auto a2 = std::make_unique<RemoteMailbox>(a.peers, 2, Member::all(2), 0);
    RemoteMailbox b2(b.peers, 2, Member::all(2), 1);
    const auto until = [&](const std::function<bool()>& condition) {
        CHECK(progress_until({a.peers.get(), b.peers.get()}, condition));
    };
    std::vector<int> items{5}, got(1);
    const Part part = part_of(items), into = part_of(got);
    (void)a2->start_send({&part, 1}, 1, 0);
    const auto first = b2.start_receive(std::span(&into, 1), 0, 0);
    const auto second = b2.start_receive(std::span(&into, 1), 0, 0);
    a2.reset();
    until([&] { return first->is_done() && second->is_done(); });
    CHECK(first->error() == nullptr);
    CHECK(got[0] == 5);
    REQUIRE(second->error() != nullptr);
    CHECK(second->error()->code == ErrorCode::peer_lost);
    CHECK(std::string(second->error()->what()) ==
          "receive(from rank 0, tag 0): rank 0 on host h0 has left the communicator");
    CHECK(b2.is_forsaken(0));
    CHECK(b2.start_send({&part, 1}, 0, 0)->error()->code == ErrorCode::peer_lost);
    const auto elsewhere = b.box.start_send({&part, 1}, 0, 0);
    const auto received = a.box.start_receive(std::nullopt, 1, 0);
    until([&] { return received->is_done(); });
    CHECK(received->error() == nullptr);
}
