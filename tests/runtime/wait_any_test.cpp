// SPDX-License-Identifier: Apache-2.0
// Proves that a wait for any of many sources ends with the first that has something, and always.
#include "runtime/wait_any.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "tests/support/messages.hpp"
#include "tests/support/pair_ends.hpp"

using namespace ipcrun;
using namespace ipcrun::test;
using namespace std::chrono_literals;

namespace {

// A parent with its ends of many pairs, which share a doorbell; the children's ends are opened by
// who plays them.
struct Family {
    explicit Family(std::size_t size) {
        for (std::size_t i = 0; i < size; ++i) {
            memories.push_back(std::make_unique<PairMemory>(doorbell, 1 << 24));
            ends.push_back(memories.back()->open(Pair::parent, bell));
            sources.push_back({&ends.back()->communicator(), Pair::child});
        }
    }
    // The parent sleeps: it has looked, and found nothing.
    void await_sleeper() const {
        while (bell->bell().sleepers.load() == 0) std::this_thread::yield();
    }
    std::unique_ptr<Pair> child(std::size_t i) const { return memories[i]->open(Pair::child); }

    TestDoorbell doorbell = {};
    std::shared_ptr<Doorbell> bell = doorbell.open();
    std::vector<std::unique_ptr<PairMemory>> memories = {};
    std::vector<std::unique_ptr<Pair>> ends = {};
    std::vector<Source> sources = {};
};

const std::vector<std::uint8_t> one_byte(1, 1);

// The last look of a wait that was never woken finds what is there, too: that is not in time.
std::optional<std::size_t> wait_in_time(std::span<const Source> sources, int tag,
                                        std::size_t first) {
    const Deadline deadline = soon();
    const auto found = wait_any(sources, tag, first, deadline);
    return deadline.has_passed() ? std::nullopt : found;
}

}  // namespace

TEST_CASE("wait_any: the first that has sent something, counted from where one asks") {
    const Family family(4);
    const auto second = family.child(1), last = family.child(3);
    CHECK_FALSE(wait_any(family.sources, 5, 0, Deadline::after(0s)));
    send_bytes(second->communicator(), 0, one_byte, 5);
    send_bytes(last->communicator(), 0, one_byte, 5);
    CHECK(wait_any(family.sources, 5, 0) == 1);
    CHECK(wait_any(family.sources, 5, 2) == 3);
    CHECK(wait_any(family.sources, any_tag, 4) == 1);
    CHECK_FALSE(wait_any(family.sources, 6, 0, Deadline::after(1ms)));
}

TEST_CASE("wait_any: a sleeper is woken by a message, an end, and a closed connection") {
    for (const int event : {0, 1, 2}) {
        CAPTURE(event);
        const Family family(3);
        std::thread other([&] {
            auto child = family.child(2);
            family.await_sleeper();
            if (event == 0) send_bytes(child->communicator(), 0, one_byte, 5);
            if (event == 1) family.memories[2]->end(Pair::child, SIGKILL);
            if (event == 2) child.reset();
            while (event == 0 && family.bell->bell().sleepers.load() != 0)
                std::this_thread::yield();
        });
        CHECK(wait_in_time(family.sources, 5, 0) == 2);
        other.join();
    }
}

TEST_CASE("wait_any: what a peer sent before its end comes first, and then its end") {
    const Family family(2);
    send_bytes(family.child(1)->communicator(), 0, one_byte, 5);
    family.memories[1]->end(Pair::child, SIGKILL);
    CHECK(wait_any(family.sources, 5, 0) == 1);
    CHECK(family.ends[1]->communicator().receive_message(1, 5, soon()).envelope.bytes == 1);
    CHECK(wait_any(family.sources, 5, 0) == 1);
    CHECK(error_of([&] { (void)family.ends[1]->communicator().receive_message(1, 5); }).code ==
          ErrorCode::peer_lost);
}

TEST_CASE("wait_any: without a doorbell the bell for messages and the alert wake") {
    for (const bool ends : {false, true}) {
        CAPTURE(ends);
        Family family(1);
        const auto child = family.child(0);
        std::thread parent([&] {
            const Group& group = child->communicator().impl().node().group;
            while (group.member(1).mail.sleepers.load() == 0) std::this_thread::yield();
            if (ends)
                family.ends[0].reset();
            else
                send_bytes(family.ends[0]->communicator(), 1, one_byte, 5);
        });
        const Source source{&child->communicator(), Pair::parent};
        CHECK(wait_in_time({&source, 1}, 5, 0) == 0);
        parent.join();
    }
}

TEST_CASE("wait_any: nobody to wait for is an error") {
    CHECK(code_of([] { (void)wait_any({}, 0, 0); }) == ErrorCode::usage);
}

TEST_CASE("wait_any: no message among many is overlooked, and no end") {
    constexpr std::size_t children = 24, threads = 3;
    constexpr int messages = 400;
    Family family(children);
    std::vector<std::thread> others;
    for (std::size_t thread = 0; thread < threads; ++thread)
        others.emplace_back([&, thread] {
            std::mt19937 random(static_cast<unsigned>(thread));
            std::vector<std::unique_ptr<Pair>> mine;
            for (std::size_t i = thread; i < children; i += threads)
                mine.push_back(family.child(i));
            for (int i = 0; i < messages; ++i) {
                Pair& child = *mine[random() % mine.size()];
                send_bytes(child.communicator(), 0, one_byte, 5);
                // Half of the time so late that the parent sleeps, or is about to.
                const auto until = Clock::now() + std::chrono::microseconds(random() % 600);
                while (i % 2 == 0 && Clock::now() < until) std::this_thread::yield();
            }
            for (std::size_t i = thread; i < children; i += threads) {
                mine[i / threads].reset();
                family.memories[i]->end(Pair::child, 0);
            }
        });
    int received = 0;
    std::size_t first = 0;
    std::vector<Source> left = family.sources;
    while (!left.empty()) {
        const auto found = wait_in_time(left, 5, first);
        REQUIRE(found);
        first = *found + 1;
        Communicator& communicator = *left[*found].communicator;
        if (communicator.test_message(1, 5)) {
            (void)communicator.receive_message(1, 5, soon());
            ++received;
        } else {
            left.erase(left.begin() + static_cast<std::ptrdiff_t>(*found));
        }
    }
    CHECK(received == messages * static_cast<int>(threads));
    for (std::thread& other : others) other.join();
}

TEST_CASE("wait_any: a message that comes while one goes to sleep is not overlooked") {
    // No other follows that would wake the parent after all.
    const Family family(8);
    constexpr int rounds = 1000;
    std::thread others([&] {
        std::mt19937 random(3);
        std::vector<std::unique_ptr<Pair>> children;
        for (std::size_t i = 0; i < 8; ++i) children.push_back(family.child(i));
        for (int round = 0; round < rounds; ++round) {
            // The parent yields for 200 us, then sleeps.
            const auto until = Clock::now() + std::chrono::microseconds(150 + random() % 150);
            while (Clock::now() < until) std::this_thread::yield();
            Communicator& child = children[random() % 8]->communicator();
            send_bytes(child, 0, one_byte, 5);
            (void)child.receive_message(0, 6, soon());
        }
    });
    bool in_time = true;
    for (int round = 0; round < rounds; ++round) {
        const auto found = wait_in_time(family.sources, 5, 0);
        in_time = found.has_value();
        if (!in_time) break;
        Communicator& communicator = family.ends[*found]->communicator();
        (void)communicator.receive_message(1, 5, soon());
        send_bytes(communicator, 1, one_byte, 6);
    }
    others.join();
    CHECK(in_time);
}

TEST_CASE("wait_any: a pair that is hardly used costs less than 100 KiB") {
    const Family family(1);
    const auto child = family.child(0);
    for (int i = 0; i < 10; ++i) {
        send_bytes(child->communicator(), 0, std::vector<std::uint8_t>(1000), 5);
        (void)family.ends[0]->communicator().receive_message(1, 5, soon());
        send_bytes(family.ends[0]->communicator(), 1, std::vector<std::uint8_t>(1000), 5);
        (void)child->communicator().receive_message(0, 5, soon());
    }
    CHECK(family.memories[0]->held_bytes() < 100 * 1024);
}
