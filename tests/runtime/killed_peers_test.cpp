// SPDX-License-Identifier: Apache-2.0
// Proves that a process that is killed in the middle of a message holds nobody up, and takes no
// message along but the one that it was in the middle of.
#include <doctest/doctest.h>

#include <cstring>

#include "tests/support/messages.hpp"
#include "tests/support/pair_ends.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

constexpr int counted_tag = 1, bulk_tag = 2;

// Of the heap: then a long message is copied by its receiver from where it lies.
struct Buffer {
    Buffer(Pair& pair, std::size_t size) : bytes(size) {
        storage = Storage::create(pair.heap(), Dtype::u8, size);
        std::memset(storage->data(), 7, size);
    }
    Part part() const { return {storage->data(), bytes, Dtype::u8}; }
    std::size_t bytes;
    StoragePtr storage;
};

// Both sides the same, until one is no more: each sends a counted message and a bulky one, and
// receives the other's; in parts and as memory by turns. Returns how many counted ones came.
int exchange(Pair& pair, int peer, std::size_t bytes, std::size_t lag) {
    Communicator& communicator = pair.communicator();
    communicator.set_lag(lag);
    const Buffer out(pair, bytes), in(pair, bytes);
    int received = 0;
    for (int i = 0; i < 100; ++i) {
        const Part counted{&i, 1, Dtype::i32}, from = out.part(), to = in.part();
        Request sent = communicator.start_send({&counted, 1}, peer, counted_tag);
        Request bulk = communicator.start_send({&from, 1}, peer, bulk_tag);
        int number = -1;
        const Part target{&number, 1, Dtype::i32};
        communicator.receive({&target, 1}, peer, counted_tag, soon());
        if (number != received++) throw std::runtime_error("a message is missing");
        if (i % 2 == 0)
            communicator.receive({&to, 1}, peer, bulk_tag, soon());
        else
            (void)communicator.receive_message(peer, bulk_tag, soon());
        if (!sent.wait(soon()) || !bulk.wait(soon())) throw std::runtime_error("nobody received");
    }
    return received;
}

}  // namespace

TEST_CASE("killed peers: whatever a peer was in the middle of, the other goes on at once") {
    for (const char* point : {"before_commit", "after_commit", "mid_copy", "holding_message"}) {
        int killed = 0;
        for (const std::size_t bytes : {8ul, 3000ul, 2ul << 20})
            for (const std::size_t lag : {100ul, 4000ul, 1ul << 28}) {
                CAPTURE(std::string(point));
                CAPTURE(bytes);
                CAPTURE(lag);
                const TestDoorbell doorbell;
                const PairMemory memory(doorbell);
                const auto parent = memory.open(Pair::parent);
                const auto before = Clock::now();
                const PairChild child(memory, fmt::format("{}:1:9", point), [&](Pair& pair) {
                    exchange(pair, Pair::parent, bytes, lag);
                });
                // Some never come to the point: then all goes well, and the child ends.
                const Error error = error_of([&] { exchange(*parent, Pair::child, bytes, lag); });
                CAPTURE(std::string(error.what()));
                CHECK((error.code == ErrorCode::peer_lost ||
                       std::string(error.what()) == "no error came"));
                if (std::string(error.what()).ends_with("signal 9 (Killed)")) ++killed;
                CHECK(Clock::now() - before < std::chrono::seconds(10));
                // Of what it left, nothing is in the way.
                Communicator& communicator = parent->communicator();
                while (!error_of([&] {
                            (void)communicator.receive_message(1, any_tag, soon());
                        }).rank) {
                }
                CHECK_FALSE(communicator.test_message());
                CHECK(error_of([&] {
                          send_bytes(communicator, 1, {1, 2, 3});
                      }).code == ErrorCode::peer_lost);
            }
        CHECK(killed > 0);
    }
}

TEST_CASE("killed peers: a sender that dies while it moves its message loses that one alone") {
    const TestDoorbell doorbell;
    const PairMemory memory(doorbell);
    const auto parent = memory.open(Pair::parent);
    const PairChild child(memory, "mid_move:1:1", [](Pair& pair) {
        pair.communicator().set_lag(4000);
        const Buffer out(pair, 3000);
        const Part part = out.part();
        pair.communicator().send({&part, 1}, Pair::parent, 1);
        pair.communicator().send({&part, 1}, Pair::parent, 2);
    });
    Communicator& communicator = parent->communicator();
    // The second one is offered, and with the first gone there is room for it.
    (void)communicator.probe(1, 2, soon());
    CHECK(communicator.receive_message(1, 1, soon()).envelope.bytes == 3000);
    // Whoever asked for it at once might get it before it is moved.
    (void)error_of([&] { (void)communicator.receive_message(1, 3, soon()); });
    const Error error = error_of([&] { (void)communicator.receive_message(1, 2); });
    CHECK(error.code == ErrorCode::peer_lost);
    CHECK(std::string(error.what()).ends_with("signal 9 (Killed)"));
}

TEST_CASE("killed peers: a receiver that dies while it copies frees its sender") {
    const TestDoorbell doorbell;
    const PairMemory memory(doorbell);
    const auto parent = memory.open(Pair::parent);
    const PairChild child(memory, "mid_copy:1:1", [](Pair& pair) {
        (void)pair.communicator().receive_message(Pair::parent, 1);
    });
    Communicator& communicator = parent->communicator();
    communicator.set_lag(4000);
    const Buffer out(*parent, 3 << 20);
    const Part part = out.part();
    const Error error = error_of([&] { communicator.send({&part, 1}, Pair::child, 1); });
    CHECK(error.code == ErrorCode::peer_lost);
    CHECK(std::string(error.what()).ends_with("signal 9 (Killed)"));
}

TEST_CASE("killed peers: a message that its sender waited with is received whole") {
    const TestDoorbell doorbell;
    const PairMemory memory(doorbell);
    const auto parent = memory.open(Pair::parent);
    constexpr std::size_t bytes = 3 << 20;
    const PairChild child(memory, "", [&](Pair& pair) {
        pair.communicator().set_lag(100);
        const Buffer out(pair, bytes);
        const Part part = out.part();
        pair.communicator().send({&part, 1}, Pair::parent, bulk_tag);
    });
    // It can be seen, so it is offered; nobody comes for it before its sender is gone.
    Communicator& communicator = parent->communicator();
    (void)communicator.probe(1, bulk_tag, soon());
    child.kill();
    (void)error_of([&] { (void)communicator.receive_message(1, counted_tag, soon()); });
    const Message message = communicator.receive_message(1, bulk_tag, soon());
    CHECK(message.storage->count() == bytes);
    CHECK(message.storage->data()[bytes - 1] == std::byte{7});
}

TEST_CASE("killed peers: the memory of what a dead peer sent is given back with the message") {
    const TestDoorbell doorbell;
    const PairMemory memory(doorbell);
    const auto parent = memory.open(Pair::parent);
    constexpr std::size_t bytes = 8 << 20;
    {
        const PairChild child(memory, "", [&](Pair& pair) {
            send_bytes(pair.communicator(), Pair::parent, std::vector<std::uint8_t>(bytes, 1));
        });
    }  // it has ended
    Message message = parent->communicator().receive_message(1, 0, soon());
    CHECK(memory.held_bytes() > bytes);
    message.storage.reset();
    CHECK(memory.held_bytes() < 200 * 1024);
}
