// SPDX-License-Identifier: Apache-2.0
// Ranks that are killed in the middle of whatever they do: real processes.
#include "tests/hosts/hosts.hpp"
#include "tests/support/own_network.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

constexpr std::size_t sizes[] = {100, 5'000, 200'000, 3 << 20};

void send_for_ever(Member& member) {
    for (int i = 0;; ++i) {
        auto bytes = pattern(sizes[i % 4], static_cast<unsigned>(i % 4));
        member.send(bytes, 0, 0);
    }
}

void receive_for_ever(Member& member) {
    for (;;) (void)member.receive_any(0, any_tag);
}

}  // namespace

TEST_CASE(
    "remote peers: of a sender that is killed at any moment whole messages come, then its end") {
    for (int round = 0; round < 12; ++round) {
        CAPTURE(round);
        World world(2);
        RankProcess process([&] {
            Member member(world, 1);
            send_for_ever(member);
        });
        world.take_listener(1).reset();
        Member member(world, 0);
        std::jthread killer([&] {
            const auto until = Clock::now() + std::chrono::microseconds(round * 7'300);
            while (Clock::now() < until) std::this_thread::yield();
            process.signal(SIGKILL);
        });
        const Error error = error_of([&] {
            for (int i = 0;; ++i) {
                const Message message = member.receive_any(1, 0);
                const auto expected = pattern(sizes[i % 4], static_cast<unsigned>(i % 4));
                REQUIRE(message.storage->bytes() == expected.size());
                REQUIRE(std::equal(expected.begin(), expected.end(),
                                   reinterpret_cast<std::uint8_t*>(message.storage->data())));
            }
        });
        killer.join();
        INFO(std::string(error.what()));
        CHECK(error.code == ErrorCode::peer_lost);
        CHECK(error.rank == 1);
        CHECK(member.box.is_forsaken(1));
        CHECK(member.box.is_forsaken(any_source));
    }
}

TEST_CASE("remote peers: who sends to one that is killed at any moment hears of its end") {
    for (int round = 0; round < 12; ++round) {
        CAPTURE(round);
        World world(2);
        RankProcess process([&] {
            Member member(world, 1);
            receive_for_ever(member);
        });
        world.take_listener(1).reset();
        Member member(world, 0);
        std::jthread killer([&] {
            const auto until = Clock::now() + std::chrono::microseconds(round * 7'300);
            while (Clock::now() < until) std::this_thread::yield();
            process.signal(SIGKILL);
        });
        const Error error = error_of([&] {
            for (int i = 0;; ++i) {
                auto bytes = pattern(sizes[i % 4], 1);
                member.send(bytes, 1, 0);
            }
        });
        killer.join();
        CHECK(error.code == ErrorCode::peer_lost);
    }
}

TEST_CASE("remote peers: what a rank sent before its clean end arrives") {
    World world(2);
    RankProcess process([&] {
        Member member(world, 1);
        for (int i = 0; i < 500; ++i) {
            std::vector<int> items(1'000, i);
            const Part part = part_of(items);
            (void)member.box.start_send({&part, 1}, 0, 0);
        }
    });
    world.take_listener(1).reset();
    Member member(world, 0);
    for (int i = 0; i < 500; ++i) {
        std::vector<int> got(1'000);
        (void)member.receive(got, 1, 0);
        REQUIRE(got.back() == i);
    }
    const Error error = error_of([&] { (void)member.receive_any(1, 0); });
    CHECK(error.code == ErrorCode::peer_lost);
    CHECK(std::string(error.what()).find("rank 1 on host h1 has left") != std::string::npos);
    CHECK(process.wait() == 0);
}

TEST_CASE("remote peers: an end that is known from elsewhere says how, also of one never met") {
    World world(3);
    std::atomic<bool> has_ended = false;
    auto options = world.options(0);
    options.end_of = [&](int rank) -> std::optional<RankEnd> {
        if (rank != 1 || !has_ended) return std::nullopt;
        return RankEnd{"failed: signal 9 (Killed)"};
    };
    Member member(std::make_shared<RemotePeers>(std::move(options)), 3, 0);
    const auto receiving = member.box.start_receive(std::nullopt, 1, 0);
    const auto any = member.box.start_receive(std::nullopt, any_source, 0);
    // It listens, and says nothing.
    CHECK_FALSE(progress_until(
        {member.peers.get()}, [&] { return receiving->is_done(); },
        Deadline::after(Seconds(0.05))));
    has_ended = true;
    member.peers->look_for_ends();
    REQUIRE(receiving->is_done());
    CHECK(std::string(receiving->error()->what()) ==
          "receive(from rank 1, tag 0): rank 1 on host h1 failed: signal 9 (Killed)");
    CHECK_FALSE(any->is_done());
    CHECK_FALSE(member.box.is_forsaken(any_source));
}

TEST_CASE("remote peers: a rank that is known to have ended is missed though its stream is open") {
    World world(2);
    std::atomic<bool> has_ended = false;
    auto options = world.options(0);
    options.end_of = [&](int) -> std::optional<RankEnd> {
        if (!has_ended) return std::nullopt;
        return RankEnd{"was lost with its host"};
    };
    Member member(std::make_shared<RemotePeers>(std::move(options)), 2, 0);
    Member other(world, 1);
    std::vector<int> items{1};
    const Part part = part_of(items);
    (void)other.box.start_send({&part, 1}, 0, 5);
    CHECK(progress_until({member.peers.get(), other.peers.get()},
                         [&] { return member.box.find(1, 5).has_value(); }));
    has_ended = true;
    const Error error = error_of([&] { (void)member.receive_any(1, 0); });
    CHECK(error.code == ErrorCode::peer_lost);
    CHECK(std::string(error.what()).find("was lost with its host") != std::string::npos);
    CHECK(member.receive_any(1, 5).envelope.bytes == 4);
}

TEST_CASE("remote peers: a host that vanishes is found out while somebody waits") {
    CHECK(ipcrun::testing::passes_in_own_network([] {
        World world(2);
        Member a(world, 0), b(world, 1);
        std::vector<int> items{1};
        const Part part = part_of(items);
        (void)a.box.start_send({&part, 1}, 1, 0);
        if (!progress_until({a.peers.get(), b.peers.get()},
                            [&] { return b.box.find(0, 0).has_value(); }))
            return false;
        set_loopback(false);
        // One has something on its way, and the other waits.
        (void)a.box.start_send({&part, 1}, 1, 0);
        for (Member* const member : {&a, &b}) {
            const auto receiving = member->box.start_receive(std::nullopt, member == &a ? 1 : 0, 9);
            if (!progress_until({member->peers.get()}, [&] { return receiving->is_done(); }))
                return false;
            if (receiving->error()->code != ErrorCode::peer_lost) return false;
        }
        return true;
    }));
}
