// SPDX-License-Identifier: Apache-2.0
// Many messages between ranks on different hosts, and long ones, at the same time.
#include <algorithm>

#include "tests/hosts/hosts.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

TEST_CASE("remote mailbox: thousands of small messages both ways at once") {
    World world(2);
    run_ranks(2, [&](int rank) {
        Member member(world, rank);
        constexpr int count = 20'000;
        std::vector<std::vector<int>> sent(count);
        std::vector<SendingPtr> sendings;
        for (int i = 0; i < count; ++i) {
            auto& items = sent[static_cast<std::size_t>(i)];
            items.assign(static_cast<std::size_t>(1 + i % 2'000), i);
            const Part part = part_of(items);
            sendings.push_back(member.box.start_send({&part, 1}, 1 - rank, 0));
        }
        for (int i = 0; i < count; ++i) {
            std::vector<int> got(static_cast<std::size_t>(1 + i % 2'000));
            (void)member.receive(got, 1 - rank, 0);
            check(got.front() == i && got.back() == i, "a message has changed");
        }
        for (const auto& sending : sendings) member.wait(sending);
        std::vector<int> bye{0};
        member.send(bye, 1 - rank, 1);
        (void)member.receive(bye, 1 - rank, 1);
    });
}

TEST_CASE("remote mailbox: long messages both ways at once, and short ones between them") {
    World world(2);
    run_ranks(2, [&](int rank) {
        Member member(world, rank);
        std::vector<std::vector<std::uint8_t>> sent, got;
        std::vector<SendingPtr> sendings;
        std::vector<ReceivingPtr> receivings;
        for (unsigned i = 0; i < 4; ++i) {
            sent.push_back(pattern((8 << 20) + i, i + 10 * static_cast<unsigned>(rank)));
            got.emplace_back((8 << 20) + i);
        }
        for (std::size_t i = 0; i < 4; ++i) {
            const Part from = part_of(sent[i]), into = part_of(got[i]);
            sendings.push_back(member.box.start_send({&from, 1}, 1 - rank, static_cast<int>(i)));
            receivings.push_back(
                member.box.start_receive(std::span(&into, 1), 1 - rank, static_cast<int>(i)));
        }
        for (int i = 0; i < 100; ++i) {
            std::vector<int> small{i};
            member.send(small, 1 - rank, 9);
            (void)member.receive(small, 1 - rank, 9);
            check(small[0] == i, "a short message has changed");
        }
        for (const auto& operation : receivings) member.wait(operation);
        for (const auto& operation : sendings) member.wait(operation);
        for (unsigned i = 0; i < 4; ++i)
            check(got[i] == pattern((8 << 20) + i, i + 10 * static_cast<unsigned>(1 - rank)),
                  "a long message has changed");
    });
}

TEST_CASE(
    "remote mailbox: who is ahead by more than the lag waits, and goes on when there is room") {
    Pair pair;
    pair.a.box.set_lag(10'000);
    std::vector<std::vector<int>> sent;
    std::vector<SendingPtr> sendings;
    for (int i = 0; i < 50; ++i) sent.emplace_back(250, i);
    for (auto& items : sent) sendings.push_back(pair.send(items, 0));
    const auto done = [&] {
        return std::count_if(sendings.begin(), sendings.end(),
                             [](const auto& sending) { return sending->is_done(); });
    };
    CHECK(pair.until([&] { return pair.b.box.find(0, 0).has_value(); }));
    CHECK_FALSE(pair.until([&] { return done() > 10; }, Deadline::after(Seconds(0.1))));
    CHECK(done() == 10);
    for (int i = 0; i < 50; ++i) {
        std::vector<int> got(250);
        pair.wait(pair.receive(got, 0));
        REQUIRE(got == sent[static_cast<std::size_t>(i)]);
        if (i == 20) CHECK(pair.until([&] { return done() >= 31; }));
    }
    CHECK(done() == 50);
}

TEST_CASE("remote mailbox: sixteen ranks send to all others, short and long messages") {
    constexpr int ranks = 16;
    World world(ranks);
    run_ranks(ranks, [&](int rank) {
        Member member(world, rank);
        std::vector<std::vector<std::uint8_t>> sent, got;
        std::vector<SendingPtr> sendings;
        std::vector<ReceivingPtr> receivings;
        const auto size_of_pair = [](int from, int to) {
            return static_cast<std::size_t>((from * 31 + to * 17) % 7 == 0 ? 300'000 : 100 + from);
        };
        for (int round = 0; round < 3; ++round)
            for (int other = 0; other < ranks; ++other) {
                if (other == rank) continue;
                sent.push_back(
                    pattern(size_of_pair(rank, other), static_cast<unsigned>(rank * 100 + other)));
                got.emplace_back(size_of_pair(other, rank));
            }
        std::size_t next = 0;
        for (int round = 0; round < 3; ++round)
            for (int other = 0; other < ranks; ++other) {
                if (other == rank) continue;
                const Part from = part_of(sent[next]), into = part_of(got[next]);
                ++next;
                sendings.push_back(member.box.start_send({&from, 1}, other, round));
                receivings.push_back(member.box.start_receive(std::span(&into, 1), other, round));
            }
        for (const auto& operation : receivings) member.wait(operation);
        for (const auto& operation : sendings) member.wait(operation);
        next = 0;
        for (int round = 0; round < 3; ++round)
            for (int other = 0; other < ranks; ++other) {
                if (other == rank) continue;
                check(got[next++] == pattern(size_of_pair(other, rank),
                                             static_cast<unsigned>(other * 100 + rank)),
                      "a message has changed");
            }
    });
}
