// SPDX-License-Identifier: Apache-2.0
// What is promised of messages between ranks on different hosts: who gets which, and how.
#include <algorithm>
#include <array>
#include <numeric>

#include "tests/hosts/hosts.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

TEST_CASE("remote mailbox: messages of one tag arrive in the order in which they were sent") {
    Pair pair;
    std::vector<std::vector<int>> sent;
    std::vector<SendingPtr> sendings;
    for (int i = 0; i < 300; ++i)
        sent.push_back(std::vector<int>(i % 7 == 0 ? 20'000 : 1 + static_cast<std::size_t>(i), i));
    for (auto& items : sent) sendings.push_back(pair.send(items, 5));
    for (int i = 0; i < 300; ++i) {
        std::vector<int> got(sent[static_cast<std::size_t>(i)].size());
        const auto receiving = pair.receive(got, 5);
        pair.wait(receiving);
        REQUIRE(receiving->error() == nullptr);
        REQUIRE(got == sent[static_cast<std::size_t>(i)]);
    }
}

TEST_CASE("remote mailbox: messages of any size arrive whole, into parts and into new memory") {
    for (const bool encrypt : {false, true}) {
        CAPTURE(encrypt);
        World world(2);
        world.encrypt = encrypt;
        const std::vector<std::size_t> sizes{
            0,      1,      8,       4'096,   32'767,        32'768,
            32'769, 65'536, 262'143, 1 << 20, (5 << 20) + 3, std::size_t(64) << 20};
        run_ranks(2, [&](int rank) {
            Member member(world, rank);
            for (std::size_t i = 0; i < sizes.size(); ++i) {
                auto bytes = pattern(sizes[i], static_cast<unsigned>(i));
                if (rank == 0) {
                    member.send(bytes, 1, 0);
                    member.send(bytes, 1, 1);
                    continue;
                }
                std::vector<std::uint8_t> got(sizes[i]);
                const Envelope envelope = member.receive(got, 0, 0);
                check(got == bytes && envelope.bytes == bytes.size() && envelope.source == 0,
                      "a message has changed");
                const Message message = member.receive_any(0, 1);
                check(message.storage->bytes() == bytes.size() &&
                          std::equal(bytes.begin(), bytes.end(),
                                     reinterpret_cast<std::uint8_t*>(message.storage->data())),
                      "a message of any size has changed");
            }
            // The other may still be at the last one.
            if (rank == 0) (void)member.receive_any(1, 9);
            if (rank == 1) {
                std::vector<int> done{1};
                member.send(done, 0, 9);
            }
        });
    }
}

TEST_CASE("remote mailbox: several parts and strided ones travel as one message") {
    Pair pair;
    for (const std::int64_t rows : {40, 4'000}) {
        CAPTURE(rows);
        std::vector<int> matrix(static_cast<std::size_t>(rows) * 10);
        std::iota(matrix.begin(), matrix.end(), 0);
        const std::array<std::int64_t, 2> sizes{10, rows}, strides{1, 10};
        std::vector<int> more{-1, -2, -3};
        const std::array<Part, 2> parts{Part{.data = matrix.data(),
                                             .count = matrix.size(),
                                             .dtype = Dtype::i32,
                                             .sizes = sizes,
                                             .strides = strides},
                                        part_of(more)};
        const auto sending = pair.a.box.start_send(parts, 1, 0);
        std::vector<int> first(7), second(matrix.size());
        std::vector<int> strided(2 * (matrix.size() + 3 - 7));
        const std::array<std::int64_t, 1> count{static_cast<std::int64_t>(matrix.size()) - 4},
            step{2};
        const std::array<Part, 2> into{part_of(first), Part{.data = strided.data(),
                                                            .count = matrix.size() - 4,
                                                            .dtype = Dtype::i32,
                                                            .sizes = count,
                                                            .strides = step}};
        const auto receiving = pair.b.box.start_receive(into, 0, 0);
        pair.wait(receiving);
        pair.wait(sending);
        REQUIRE(receiving->error() == nullptr);
        std::vector<int> got = first;
        for (std::size_t i = 0; i < strided.size(); i += 2) got.push_back(strided[i]);
        std::vector<int> expected;
        for (std::size_t column = 0; column < 10; ++column)
            for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row)
                expected.push_back(matrix[row * 10 + column]);
        expected.insert(expected.end(), more.begin(), more.end());
        CHECK(got == expected);
    }
}

TEST_CASE("remote mailbox: any_tag gets the first of all, a tag the first of its own") {
    Pair pair;
    std::vector<int> one{1}, two{2}, three{3}, got(1);
    for (auto* const items : {&one, &two, &three}) pair.wait(pair.send(*items, (*items)[0]));
    const auto by_tag = pair.receive(got, 2);
    pair.wait(by_tag);
    CHECK(got[0] == 2);
    for (const int expected : {1, 3}) {
        const auto any = pair.receive(got, any_tag, any_source);
        pair.wait(any);
        CHECK(got[0] == expected);
        CHECK(any->envelope().tag == expected);
    }
}

TEST_CASE("remote mailbox: any_source gets messages of all, and says whose they are") {
    World world(4);
    run_ranks(4, [&](int rank) {
        Member member(world, rank);
        std::vector<int> items{rank};
        if (rank != 0) {
            member.send(items, 0, 3);
            (void)member.receive_any(0, 4);
            return;
        }
        std::vector<bool> seen(4);
        for (int i = 1; i < 4; ++i) {
            const Envelope envelope = member.receive(items, any_source, 3);
            check(envelope.source == items[0], "a message of somebody else");
            seen[static_cast<std::size_t>(items[0])] = true;
        }
        check(seen[1] && seen[2] && seen[3], "not all have been heard");
        for (int to = 1; to < 4; ++to) member.send(items, to, 4);
    });
}

TEST_CASE("remote mailbox: a message that does not fit is an error, and stays") {
    Pair pair;
    for (const std::size_t size : {std::size_t(3), std::size_t(100'000)}) {
        CAPTURE(size);
        std::vector<int> items(size, 9), right(size), wrong(size + 1);
        const bool first = size == 3;
        auto early = first ? pair.receive(wrong, 0) : nullptr;
        const auto sending = pair.send(items, 0);
        const auto late = first ? std::move(early) : pair.receive(wrong, 0);
        pair.wait(late);
        REQUIRE(late->error() != nullptr);
        CHECK(late->error()->code == ErrorCode::mismatch);
        const std::string text = late->error()->what();
        const auto counts =
            fmt::format("has {} bytes of i32, and {} bytes of i32", 4 * size, 4 * size + 4);
        CHECK(text.find(counts) != text.npos);
        const auto receiving = pair.receive(right, 0);
        pair.wait(receiving);
        CHECK(receiving->error() == nullptr);
        CHECK(right == items);
        pair.wait(sending);
    }
}

TEST_CASE("remote mailbox: find shows the first message and leaves it where it is") {
    Pair pair;
    CHECK_FALSE(pair.b.box.find(0, any_tag));
    std::vector<int> small{4}, large(50'000, 5);
    const auto first = pair.send(small, 1);
    const auto second = pair.send(large, 2);
    CHECK(pair.until([&] { return pair.b.box.find(0, 2).has_value(); }));
    for (int again = 0; again < 2; ++again) {
        CHECK(pair.b.box.find(any_source, any_tag)->tag == 1);
        CHECK(pair.b.box.find(0, 2)->bytes == large.size() * 4);
        CHECK(pair.b.box.find(0, 2)->dtype == Dtype::i32);
    }
    CHECK_FALSE(pair.b.box.find(0, 3));
    std::vector<int> got(large.size());
    pair.wait(pair.receive(got, 2));
    CHECK(got == large);
}

TEST_CASE("remote mailbox: messages of two communicators do not meet, whoever is made first") {
    World world(2);
    Member a(world, 0, 1), b(world, 1, 1);
    const auto until = [&](const auto& operation) {
        CHECK(progress_until({a.peers.get(), b.peers.get()}, [&] { return operation->is_done(); }));
    };
    // The other has its second mailbox later, and its ranks the other way round.
    RemoteMailbox a2(a.peers, 2, {1, 0}, 1);
    std::vector<int> one{1}, two{2}, got(1);
    const Part part1 = part_of(one), part2 = part_of(two), into = part_of(got);
    until(a2.start_send({&part2, 1}, 0, 0));
    until(a.box.start_send({&part1, 1}, 1, 0));
    until(b.box.start_receive(std::span(&into, 1), 0, any_tag));
    CHECK(got[0] == 1);
    CHECK_FALSE(b.box.find(any_source, any_tag));
    RemoteMailbox b2(b.peers, 2, {1, 0}, 0);
    const auto receiving = b2.start_receive(std::span(&into, 1), any_source, 0);
    until(receiving);
    CHECK(got[0] == 2);
    CHECK(receiving->envelope().source == 1);
}
