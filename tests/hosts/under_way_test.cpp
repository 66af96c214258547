// SPDX-License-Identifier: Apache-2.0
// What is said to be under way, so that somebody sees to it while the program does something else.
#include "tests/hosts/hosts.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

constexpr std::size_t long_bytes = RemoteMailbox::eager_bytes_max + 1;

bool is_under_way(const Member& member) {
    return member.peers->has_work_under_way();
}

}  // namespace

TEST_CASE("remote peers: nothing is under way before, between and after short messages") {
    Pair pair;
    std::vector<int> sent{1, 2}, got(2);
    CHECK_FALSE(is_under_way(pair.a));
    for (int i = 0; i < 2; ++i) {
        const auto receiving = pair.receive(got, 0);
        CHECK_FALSE(is_under_way(pair.b));
        const auto sending = pair.send(sent, 0);
        pair.wait(receiving);
        CHECK_FALSE(is_under_way(pair.a));
        CHECK_FALSE(is_under_way(pair.b));
    }
}

TEST_CASE("remote peers: a long send is under way until it is done, a receive while it comes") {
    Pair pair;
    auto sent = pattern(long_bytes, 1);
    std::vector<std::uint8_t> got(long_bytes);
    const auto receiving = pair.receive(got, 0);
    CHECK_FALSE(is_under_way(pair.b));
    CHECK(pair.b.peers->expects_work());
    const auto sending = pair.send(sent, 0);
    CHECK(is_under_way(pair.a));
    CHECK(pair.until([&] { return is_under_way(pair.b); }));
    pair.wait(receiving);
    pair.wait(sending);
    CHECK(got == sent);
    CHECK_FALSE(pair.a.peers->expects_work());
    CHECK_FALSE(pair.b.peers->expects_work());
}

TEST_CASE("remote peers: a receive of any size that has to wait again is not under way any more") {
    Pair pair;
    auto sent = pattern(long_bytes, 1);
    auto sending = pair.send(sent, 0);
    CHECK(pair.until([&] { return pair.b.box.find(0, 0).has_value(); }));
    const auto receiving = pair.b.box.start_receive(std::nullopt, 0, 0);
    CHECK(is_under_way(pair.b));
    sending.reset();
    CHECK(pair.until([&] { return !is_under_way(pair.b); }));
    CHECK_FALSE(receiving->is_done());
}

TEST_CASE("remote peers: what is said before there is a stream is under way until it has left") {
    Pair pair;
    std::vector<int> sent{1};
    const auto sending = pair.send(sent, 0);
    CHECK(is_under_way(pair.a));
    CHECK(pair.until([&] { return !is_under_way(pair.a); }));
}

TEST_CASE("remote peers: a long message that is taken back is not under way any more") {
    Pair pair;
    auto sent = pattern(long_bytes, 1);
    std::vector<std::uint8_t> got(long_bytes);
    auto sending = pair.send(sent, 0);
    auto receiving = pair.receive(got, 1);
    sending.reset();
    receiving.reset();
    CHECK_FALSE(pair.b.peers->expects_work());
    CHECK(pair.until([&] { return !pair.a.peers->expects_work(); }));
}

TEST_CASE("remote peers: short messages are under way while the stream has no room for them") {
    Pair pair;
    auto sent = pattern(60'000, 1);
    std::vector<SendingPtr> sendings;
    const auto is_stuck = [&] {
        sendings.push_back(pair.send(sent, 0));
        (void)pair.a.peers->progress();
        return is_under_way(pair.a);
    };
    // The other one accepts, and reads nothing more.
    pair.a.send(sent, 1, 1, Deadline::after(Seconds(10)));
    CHECK(pair.until([&] { return pair.b.box.find(0, 1).has_value(); }));
    while (!is_stuck()) REQUIRE(sendings.size() < 4'000);
    std::vector<std::uint8_t> got(sent.size());
    for (std::size_t i = 0; i < sendings.size(); ++i) pair.wait(pair.receive(got, 0));
    CHECK_FALSE(is_under_way(pair.a));
}

TEST_CASE("remote peers: nothing is under way with a rank that has gone") {
    World world(2);
    Member stays(world, 0);
    auto goes = std::make_unique<Member>(world, 1);
    auto sent = pattern(long_bytes, 1), got = sent;
    const Part from = part_of(sent), to = part_of(got);
    const auto sending = stays.box.start_send({&from, 1}, 1, 0);
    const auto receiving = stays.box.start_receive(std::span(&to, 1), 1, 0);
    CHECK(progress_until({stays.peers.get(), goes->peers.get()},
                         [&] { return goes->box.find(0, 0).has_value(); }));
    goes.reset();
    CHECK(progress_until({stays.peers.get()},
                         [&] { return sending->is_done() && receiving->is_done(); }));
    CHECK(sending->error() != nullptr);
    CHECK_FALSE(is_under_way(stays));
}
