// SPDX-License-Identifier: Apache-2.0
// Proves that what no sender writes, where a message should be, is an error of who receives it:
// nobody ends, nothing is written where it does not belong, and others are heard as before.
#include <doctest/doctest.h>

#include <functional>
#include <limits>
#include <thread>

#include "tests/support/messages.hpp"
#include "tests/support/pair_ends.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

constexpr std::uint64_t arena_bytes = 1ull << 30;

/// A parent and a child that has sent one message, into which somebody scribbles.
struct Scribbled {
    TestDoorbell doorbell = {};
    PairMemory memory{doorbell, arena_bytes};
    std::unique_ptr<Pair> parent = memory.open(Pair::parent);
    std::unique_ptr<Pair> child = memory.open(Pair::child);

    // As the parent has it mapped, who is not to know that somebody else writes there.
    template <typename T>
    T& at_child(const HeapRef& ref) const {
        return *reinterpret_cast<T*>(parent->heap()->memory()->resolve(ref, sizeof(T)));
    }
    Record& first_record() const {
        const Group& group = parent->communicator().impl().node().group;
        const Channel& channel = group.block().channel(2, Pair::child, Pair::parent);
        return at_child<Record>({1, 0, channel.first_segment.load() - 1});
    }
    Offer& first_offer() const { return at_child<Offer>(first_record().ref); }
    Error error_of_receive() const {
        return error_of([&] { (void)parent->communicator().receive_message(1, 0, soon()); });
    }
    /// The other direction is whole.
    void check_alive() const {
        send_bytes(parent->communicator(), 1, {1, 2, 3});
        CHECK(child->communicator().receive_message(0, 0, soon()).envelope.bytes == 3);
    }
};

void check_refused(std::size_t bytes, const std::function<void(Record&)>& scribble) {
    const Scribbled pair;
    send_bytes(pair.child->communicator(), 0, std::vector<std::uint8_t>(bytes));
    scribble(pair.first_record());
    CHECK(pair.error_of_receive().code == ErrorCode::protocol);
    CHECK(pair.error_of_receive().code == ErrorCode::protocol);
    pair.check_alive();
}

// The child is behind its lag, so that it waits with an offer until it is received or refused.
void check_offer_refused(const std::function<void(Record&, Offer&)>& scribble) {
    const Scribbled pair;
    Communicator& child = pair.child->communicator();
    child.set_lag(0);
    std::thread sender([&] {
        (void)error_of([&] {
            send_bytes(child, 0, std::vector<std::uint8_t>(100'000), 0,
                       Deadline::after(Seconds(0.5)));
        });
    });
    const auto deadline = soon();
    while (!pair.parent->communicator().test_message(1, 0) && !deadline.has_passed())
        std::this_thread::yield();
    scribble(pair.first_record(), pair.first_offer());
    const Error error = pair.error_of_receive();
    CHECK_MESSAGE(error.code == ErrorCode::protocol, error.what());
    // Nothing has been taken: its sender may withdraw it, once it knows it again.
    auto state = Offer::State(99);
    (void)pair.first_offer().state.compare_exchange_strong(state, Offer::State::open);
    sender.join();
}

}  // namespace

TEST_CASE("garbage: records that no sender writes are refused") {
    constexpr auto huge = std::numeric_limits<std::uint64_t>::max();
    check_refused(71, [](Record& record) { record.kind.store(RecordKind(77)); });
    check_refused(71, [](Record& record) { record.bytes = huge; });
    check_refused(71, [](Record& record) { record.bytes = inlined_bytes_max + 1; });
    check_refused(71, [](Record& record) { record.dtype = Dtype(200); });
    check_refused(71, [](Record& record) { record.kind.store(RecordKind::jump); });
    check_refused(50'000, [](Record& record) { record.bytes = huge; });
    check_refused(50'000, [](Record& record) { record.ref.offset = huge; });
    check_refused(50'000, [](Record& record) { record.ref.offset = arena_bytes - 64; });
    check_refused(50'000, [](Record& record) { record.ref.offset += 8; });
    check_refused(50'000, [](Record& record) { record.ref.arena = 0; });
    check_refused(50'000, [](Record& record) { record.ref.arena = 2; });
    check_refused(50'000, [](Record& record) { record.ref.kind = 1; });
}

TEST_CASE("garbage: a message that ends within an element is refused, not written past its end") {
    check_refused(71, [](Record& record) { record.dtype = Dtype::f64; });
    check_refused(50'001, [](Record& record) { record.dtype = Dtype::f64; });
}

TEST_CASE("garbage: offers that no sender makes are refused") {
    const auto check_source = [](const std::function<void(HeapRef&)>& scribble) {
        check_offer_refused([&](Record&, Offer& offer) { scribble(offer.source); });
    };
    check_source([](HeapRef& source) { source.offset = arena_bytes; });
    check_source([](HeapRef& source) { source.offset += 4; });
    check_source([](HeapRef& source) { source.arena = 0; });
    check_source([](HeapRef& source) { source.arena = 9; });
    check_offer_refused([](Record&, Offer& offer) { offer.state.store(Offer::State(99)); });
}
