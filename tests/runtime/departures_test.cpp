// SPDX-License-Identifier: Apache-2.0
// Proves what is left of a member whose end is a departure: what it sent, and nobody who waits for
// it. Its ends here are told as an agent tells them; in killed_peers_test.cpp they are real.
#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <random>
#include <thread>

#include "tests/support/messages.hpp"
#include "tests/support/pair_ends.hpp"

using namespace ipcrun;
using namespace ipcrun::test;
using namespace std::chrono_literals;

namespace {

struct Ends {
    TestDoorbell doorbell = {};
    PairMemory memory{doorbell};
    std::unique_ptr<Pair> parent = memory.open(Pair::parent);
    std::unique_ptr<Pair> child = memory.open(Pair::child);
    Communicator& at_parent() const { return parent->communicator(); }
    Communicator& at_child() const { return child->communicator(); }
};

int first_byte(const Message& message) {
    return static_cast<int>(*message.storage->data());
}

void await_sleeper(const Communicator& communicator, Communicator& of) {
    const Bell& mail = of.impl().node().group.member(communicator.rank()).mail;
    while (mail.sleepers.load() == 0) std::this_thread::yield();
}

}  // namespace

TEST_CASE("departures: all that a killed member sent is received, and then it is missed at once") {
    Ends ends;
    const std::vector<std::uint8_t> small(8, 1), large(100'000, 2);
    for (int i = 0; i < 5000; ++i) send_bytes(ends.at_child(), 0, small, i);
    for (int i = 0; i < 10; ++i) send_bytes(ends.at_child(), 0, large, 5000 + i);
    ends.memory.end(Pair::child, SIGKILL);
    for (int i = 0; i < 5010; ++i) {
        const Message message = ends.at_parent().receive_message(1, any_tag, soon());
        REQUIRE(message.envelope.tag == i);
        REQUIRE(first_byte(message) == (i < 5000 ? 1 : 2));
    }
    const Error error = error_of([&] {
        (void)ends.at_parent().receive_message(1, 7, Deadline::never(), {"a", 1});
    });
    CHECK(error.code == ErrorCode::peer_lost);
    CHECK(error.rank == 1);
    CHECK(std::string(error.what()) ==
          "receive(from rank 1, tag 7) at a:1: rank 1 has ended: signal 9 (Killed)");
    CHECK(error_of([&] { (void)ends.at_parent().probe(); }).code == ErrorCode::peer_lost);
    CHECK(error_of([&] { send_bytes(ends.at_parent(), 1, small); }).code == ErrorCode::peer_lost);
    CHECK_FALSE(ends.at_parent().test_message());
}

TEST_CASE("departures: a receiver that waits learns how its peer ended") {
    for (const int status : {0, 3 << 8, SIGSEGV}) {
        CAPTURE(status);
        Ends ends;
        std::thread end([&] {
            await_sleeper(ends.at_parent(), ends.at_child());
            ends.memory.end(Pair::child, status);
        });
        const Error error = error_of([&] { (void)ends.at_parent().receive_message(1, 0); });
        end.join();
        CHECK(error.code == ErrorCode::peer_lost);
        const std::string text = error.what();
        CHECK(text.ends_with(status == 0         ? "rank 1 has ended"
                             : status == SIGSEGV ? "ended: signal 11 (Segmentation fault)"
                                                 : "ended: exit status 3"));
    }
}

TEST_CASE("departures: a sender that waits for room learns that its receiver ended") {
    Ends ends;
    ends.at_parent().set_lag(100);
    std::thread end([&] {
        await_sleeper(ends.at_parent(), ends.at_child());
        ends.memory.end(Pair::child, SIGKILL);
    });
    const std::vector<std::uint8_t> large(100'000);
    const Error error = error_of([&] { send_bytes(ends.at_parent(), 1, large); });
    end.join();
    CHECK(error.code == ErrorCode::peer_lost);
}

TEST_CASE("departures: one that closed its end is missed after what it sent, and sends nothing") {
    Ends ends;
    const std::vector<std::uint8_t> bytes(50'000, 3);
    send_bytes(ends.at_parent(), 1, bytes);
    ends.parent.reset();
    CHECK(first_byte(ends.at_child().receive_message(0, 0, soon())) == 3);
    const Error error = error_of([&] { (void)ends.at_child().receive_message(0, 0); });
    CHECK(error.code == ErrorCode::peer_lost);
    CHECK(std::string(error.what()).ends_with("rank 0 has closed this communicator"));
    CHECK(error_of([&] { send_bytes(ends.at_child(), 0, bytes); }).code == ErrorCode::peer_lost);
}

TEST_CASE("departures: a call that timed out costs nothing") {
    Ends ends;
    ends.at_parent().set_lag(10);
    const std::vector<std::uint8_t> large(100'000, 4);
    const auto briefly = Deadline::after(1ms);
    CHECK(error_of([&] { send_bytes(ends.at_parent(), 1, large, 1, briefly); }).code ==
          ErrorCode::timeout);
    CHECK(error_of([&] { (void)ends.at_parent().receive_message(1, 0, briefly); }).code ==
          ErrorCode::timeout);
    CHECK_FALSE(ends.at_child().test_message());
    ends.at_parent().set_lag(1 << 20);
    send_bytes(ends.at_parent(), 1, large, 2);
    CHECK(ends.at_child().receive_message(0, any_tag, soon()).envelope.tag == 2);
}

TEST_CASE("departures: an operation of all is refused") {
    Ends ends;
    const Error error = error_of([&] { ends.at_parent().barrier(); });
    CHECK(error.code == ErrorCode::usage);
    CHECK(std::string(error.what()) == "barrier: this communicator is for messages only");
}

TEST_CASE("departures: nonsense in the memory of a peer is an error, and no crash") {
    std::mt19937_64 random(1);
    auto ends = std::make_unique<Ends>();
    int refused = 0;
    for (int round = 0; round < 300; ++round) {
        CAPTURE(round);
        Group& group = ends->at_child().impl().node().group;
        send_bytes(ends->at_child(), 0, std::vector<std::uint8_t>(8));
        const auto segment = group.block().channel(2, 1, 0).first_segment.load() - 1;
        auto* const lines = reinterpret_cast<Record*>(group.memory().arena(Pair::child) + segment);
        for (int line = 0; line < 64; ++line) {
            Record& record = lines[line];
            record.tag = static_cast<int>(random() % 3) - 1;
            record.bytes = random() >> random() % 64;
            record.dtype = static_cast<Dtype>(random() % 12);
            record.ref = {static_cast<std::uint32_t>(random() % 3), 0,
                          (random() >> (30 + random() % 34)) & ~63ull};
            const auto kind = static_cast<RecordKind>(random() % 7);
            // What looks as if its sender was busy with it is waited for.
            if (kind == RecordKind::offer) record.ref.offset += 1 << 20;
            record.kind.store(kind);
        }
        for (int i = 0; i < 10; ++i) {
            const Error error = error_of(
                [&] { (void)ends->at_parent().receive_message(1, any_tag, Deadline::after(1us)); });
            const bool is_one_of_ours = error.code == ErrorCode::protocol ||
                                        error.code == ErrorCode::timeout ||
                                        std::string(error.what()) == "no error came";
            CHECK(is_one_of_ours);
            if (error.code != ErrorCode::protocol) continue;
            ++refused;
            ends = std::make_unique<Ends>();
            break;
        }
    }
    CHECK(refused > 100);
}

TEST_CASE("departures: all ranks exchange messages that are not the world's, and survive one") {
    auto memory = NodeMemory::create(3, 3, 1ull << 28);
    std::vector<std::thread> threads;
    std::atomic<int> through{0};
    for (int rank = 0; rank < 3; ++rank)
        threads.emplace_back([&, rank] {
            const auto heap = std::make_shared<Heap>(memory, rank);
            const auto connect = [&](std::uint64_t offset, bool for_messages) {
                Identity identity;
                identity.members = {0, 1, 2};
                identity.rank = rank;
                identity.block_offset = offset;
                identity.ends_are_departures = for_messages;
                return Communicator(std::make_unique<NodeCommunicator>(heap, identity));
            };
            const ControlHeader& header = memory->control().header();
            Communicator world = connect(header.world_offset, false);
            Communicator messages = connect(header.messages_offset, true);
            const std::vector<std::uint8_t> mine(8, static_cast<std::uint8_t>(rank));
            for (int to = 0; to < 3; ++to) send_bytes(messages, to, mine, 1);
            world.barrier(soon());
            CHECK_FALSE(world.test_message());
            ++through;
            while (through < 3) std::this_thread::yield();
            if (rank == 2) return memory->control().mark_ended(2, SIGKILL);
            CHECK(first_byte(messages.receive_message(2, 1, soon())) == 2);
            CHECK(error_of([&] { (void)messages.receive_message(2, 1); }).rank == 2);
            CHECK(error_of([&] { (void)world.receive_message(2, 1); }).rank == 2);
            for (int i = 0; i < 100; ++i) {
                send_bytes(messages, 1 - rank, mine, 2);
                CHECK(first_byte(messages.receive_message(1 - rank, 2, soon())) == 1 - rank);
            }
        });
    for (std::thread& thread : threads) thread.join();
}

TEST_CASE(
    "departures: a long message from private memory is copied once and kept by its receiver") {
    Ends ends;
    constexpr std::size_t bytes = 8 << 20;
    ends.at_child().set_lag(bytes / 2);
    std::thread child([&] { send_bytes(ends.at_child(), 0, std::vector<std::uint8_t>(bytes, 9)); });
    (void)ends.at_parent().probe(1, 0, soon());
    const Message message = ends.at_parent().receive_message(1, 0, soon());
    child.join();
    CHECK(first_byte(message) == 9);
    CHECK(ends.memory.held_bytes() < bytes + 100 * 1024);
}
