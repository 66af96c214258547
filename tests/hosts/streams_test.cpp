// SPDX-License-Identifier: Apache-2.0
// How ranks on different hosts find each other, and whom they do not let in.
#include <atomic>

#include "tests/hosts/raw_peer.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

std::string text_of(const ReceivingPtr& receiving) {
    return receiving->error() == nullptr ? "no error at all" : receiving->error()->what();
}

}  // namespace

TEST_CASE("remote peers: when both dial at once one stream stays, and nothing is lost or doubled") {
    for (int round = 0; round < 60; ++round) {
        World world(2);
        Member a(world, 0), b(world, 1);
        std::vector<std::vector<int>> sent;
        std::vector<SendingPtr> sendings;
        for (int i = 0; i < 6; ++i) sent.emplace_back(i % 3 == 2 ? 20'000 : 1, i);
        for (int i = 0; i < 6; ++i) {
            const Part part = part_of(sent[static_cast<std::size_t>(i)]);
            Member& from = i % 2 == 0 ? a : b;
            sendings.push_back(from.box.start_send({&part, 1}, 1 - i % 2, 0));
            // Each time the dials are somewhere else when they meet.
            for (int step = 0; step < round % 6; ++step) (void)a.peers->progress();
            for (int step = 0; step < round / 6; ++step) (void)b.peers->progress();
        }
        for (int i = 0; i < 6; ++i) {
            Member& to = i % 2 == 0 ? b : a;
            const auto receiving = to.box.start_receive(std::nullopt, i % 2, any_tag);
            REQUIRE(progress_until({a.peers.get(), b.peers.get()},
                                   [&] { return receiving->is_done(); }));
            REQUIRE(text_of(receiving) == "no error at all");
            CHECK(*reinterpret_cast<int*>(receiving->take().storage->data()) == i);
        }
        CHECK_FALSE(progress_until(
            {a.peers.get(), b.peers.get()},
            [&] {
                return a.box.find(1, any_tag).has_value() || b.box.find(0, any_tag).has_value();
            },
            Deadline::after(Seconds(0.001))));
        for (const auto& sending : sendings) CHECK(sending->is_done());
    }
}

TEST_CASE("remote peers: of two dials at once the one of the lower rank is taken") {
    for (const int rank : {0, 1}) {
        CAPTURE(rank);
        World world(2);
        Member member(world, rank);
        // It is connected, and nobody answers.
        const auto receiving = member.box.start_receive(std::nullopt, 1 - rank, 0);
        for (int i = 0; i < 3; ++i) (void)member.peers->progress();
        const Carrier carrier(member.peers);
        const Introduction introduction{static_cast<std::uint32_t>(1 - rank),
                                        static_cast<std::uint32_t>(rank)};
        const Error error = error_of(
            [&] { RawPeer(world.address(rank), world.secret, introduction, introduction); });
        CHECK(error.code == (rank == 0 ? ErrorCode::peer_lost : ErrorCode::internal));
    }
}

TEST_CASE("remote peers: many threads dial each other at once, again and again") {
    for (int round = 0; round < 15; ++round) {
        constexpr int ranks = 5;
        World world(ranks);
        run_ranks(ranks, [&](int rank) {
            Member member(world, rank);
            std::vector<int> items{rank};
            const Part part = part_of(items);
            std::vector<SendingPtr> sendings;
            for (int i = 1; i < ranks; ++i)
                sendings.push_back(member.box.start_send({&part, 1}, (rank + i) % ranks, round));
            for (int i = 1; i < ranks; ++i) {
                std::vector<int> got(1);
                (void)member.receive(got, (rank + i) % ranks, round);
                check(got[0] == (rank + i) % ranks, "a message of somebody else");
            }
        });
    }
}

TEST_CASE("remote peers: who listens nowhere cannot be reached, and the error names both") {
    World world(2);
    world.take_listener(1).reset();
    Member member(world, 0);
    const auto receiving = member.box.start_receive(std::nullopt, 1, 0);
    CHECK(progress_until({member.peers.get()}, [&] { return receiving->is_done(); }));
    CHECK(text_of(receiving) ==
          fmt::format("receive(from rank 1, tag 0): rank 0 on host h0 cannot reach rank 1 on host "
                      "h1 at {}: Connection refused",
                      format_address(world.address(1))));
    CHECK(receiving->error()->code == ErrorCode::peer_lost);
    CHECK(receiving->error()->rank == 1);
    std::vector<int> items{1};
    const Part part = part_of(items);
    CHECK(member.box.start_send({&part, 1}, 1, 0)->error()->code == ErrorCode::peer_lost);
}

TEST_CASE("remote peers: who was reached by a wrong address is refused") {
    World world(3);
    world.address(1) = world.address(2);
    Member lost(world, 0);
    Member other(world, 2);
    std::vector<int> items{1};
    const Part part = part_of(items);
    (void)lost.box.start_send({&part, 1}, 1, 0);
    const auto receiving = lost.box.start_receive(std::nullopt, 1, 0);
    CHECK(progress_until({lost.peers.get(), other.peers.get()},
                         [&] { return receiving->is_done(); }));
    CHECK(receiving->error()->code == ErrorCode::config);
    CHECK(text_of(receiving).find("who listens there is another rank, or of another job") !=
          std::string::npos);
    CHECK_FALSE(other.box.find(any_source, any_tag));
}

TEST_CASE("remote peers: ranks of another job are refused on both sides") {
    World world(2);
    Member a(world, 0);
    world.secret.fill(8);
    Member b(world, 1);
    const auto receiving = a.box.start_receive(std::nullopt, 1, 0);
    CHECK(progress_until({a.peers.get(), b.peers.get()}, [&] { return receiving->is_done(); }));
    CHECK(receiving->error()->code == ErrorCode::config);
}

TEST_CASE("remote peers: strangers are not let in, and keep out nobody") {
    World world(3);
    JobSecret wrong = world.secret;
    wrong[0] ^= 1;
    Member member(world, 0);
    Member friendly(world, 2);
    {
        const Carrier carrier(member.peers);
        const auto refused = [&](const JobSecret& secret, Introduction said, Introduction meant) {
            const auto error = error_of([&] { RawPeer(world.address(0), secret, said, meant); });
            return error.code == ErrorCode::config || error.code == ErrorCode::peer_lost;
        };
        CHECK(refused(wrong, {1, 0}, {1, 0}));
        CHECK(refused(world.secret, {1, 2}, {1, 2}));  // it means another
        CHECK(refused(world.secret, {1, 0}, {2, 0}));  // it proves that it is another
        CHECK(refused(world.secret, {0, 0}, {0, 0}));  // this rank itself
        CHECK(refused(world.secret, {3, 0}, {3, 0}));  // there is none
        CHECK(refused(world.secret, {~0u, 0}, {~0u, 0}));
        CHECK_FALSE(refused(world.secret, {1, 0}, {1, 0}));
    }
    std::vector<int> items{1};
    const Part part = part_of(items);
    (void)friendly.box.start_send({&part, 1}, 0, 0);
    CHECK(progress_until({member.peers.get(), friendly.peers.get()},
                         [&] { return member.box.find(2, 0).has_value(); }));
}

TEST_CASE("remote peers: a flood of silent connections keeps nobody out") {
    World world(2);
    Member a(world, 0), b(world, 1);
    std::vector<UniqueFd> flood;
    for (int i = 0; i < 400; ++i) {
        flood.push_back(connect_to(world.address(0), soon()));
        (void)a.peers->progress();
    }
    std::vector<int> items{1};
    const Part part = part_of(items);
    (void)b.box.start_send({&part, 1}, 0, 0);
    CHECK(progress_until({a.peers.get(), b.peers.get()},
                         [&] { return a.box.find(1, 0).has_value(); }));
}

TEST_CASE("remote peers: a rank that computes is waited for, and answers when it communicates") {
    World world(2);
    Member a(world, 0), b(world, 1);
    std::vector<int> items{1};
    const Part part = part_of(items);
    const auto sending = a.box.start_send({&part, 1}, 1, 0);
    const auto receiving = a.box.start_receive(std::nullopt, 1, 0);
    CHECK_FALSE(progress_until(
        {a.peers.get()}, [&] { return receiving->is_done(); }, Deadline::after(Seconds(0.3))));
    CHECK(progress_until({a.peers.get(), b.peers.get()},
                         [&] { return b.box.find(0, 0).has_value(); }));
}

TEST_CASE("remote peers: a sleeper on the descriptor wakes for whatever is to be done") {
    World world(2);
    std::atomic<int> looks = 0;
    run_ranks(2, [&](int rank) {
        Member member(world, rank);
        std::vector<int> items{0};
        for (int i = 0; i < 200; ++i) {
            const Part part = part_of(items);
            const auto operation = rank == i % 2
                                       ? ReceivingPtr()
                                       : member.box.start_receive(std::span(&part, 1), 1 - rank, 0);
            if (operation == nullptr) {
                member.wait(member.box.start_send({&part, 1}, 1 - rank, 0));
                continue;
            }
            while (!operation->is_done()) {
                if (member.peers->progress()) continue;
                ++looks;
                pollfd poll_fd{member.peers->fd(), POLLIN, 0};
                check(::poll(&poll_fd, 1, 20'000) == 1, "nobody woke a sleeper");
            }
        }
    });
    CHECK(looks < 10'000);
}

TEST_CASE("remote peers: who sleeps elsewhere is told when another thread has taken something in") {
    World world(2);
    std::atomic<int> told = 0;
    auto options = world.options(0);
    options.on_news = [&] { ++told; };
    Member a(std::make_shared<RemotePeers>(std::move(options)), 2, 0), b(world, 1);
    const auto receiving = a.box.start_receive(std::nullopt, any_source, 0);
    std::vector<int> items{1};
    const Part part = part_of(items);
    (void)b.box.start_send({&part, 1}, 0, 0);
    const std::uint64_t before = a.peers->news();
    CHECK(told == 0);
    CHECK(progress_until({a.peers.get(), b.peers.get()}, [&] { return receiving->is_done(); }));
    CHECK(told == 1);
    CHECK(a.peers->news() > before);
}

TEST_CASE("remote peers: threads with a mailbox each go on with the same streams") {
    World world(2);
    constexpr int threads = 4;
    run_ranks(2, [&](int rank) {
        const auto peers = world.join(rank);
        std::vector<std::thread> team;
        std::atomic<int> failed = 0;
        for (int id = 0; id < threads; ++id)
            team.emplace_back([&, id] {
                try {
                    Member member(peers, 2, rank, static_cast<std::uint32_t>(id));
                    for (int i = 0; i < 100; ++i) {
                        std::vector<int> items(i % 10 == 0 ? 30'000 : 10, id * 1000 + i);
                        const Part part = part_of(items);
                        const auto sending = member.box.start_send({&part, 1}, 1 - rank, i);
                        std::vector<int> got(items.size());
                        (void)member.receive(got, 1 - rank, i);
                        if (got != items) ++failed;
                        member.wait(sending);
                    }
                } catch (const std::exception&) {
                    ++failed;
                }
            });
        for (std::thread& thread : team) thread.join();
        check(failed == 0, "a thread has not got what was its own");
    });
}
