// SPDX-License-Identifier: Apache-2.0
#include "runtime/queue.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include "runtime/ring_buffer.hpp"

using namespace ipcrun;

namespace {

// A thread's way of reading and writing with patience.
class Patient {
  public:
    explicit Patient(Queue<int>& queue) : queue_(queue) {}

    /// Refused when the queue is drained.
    QueueOutcome read(int& item, QueueStatus& after, Deadline deadline = Deadline::never()) {
        QueueOutcome outcome = queue_.try_read(item, after);
        if (outcome != QueueOutcome::would_wait) return outcome;
        (void)waiter_.wait(queue_.readable(), 0, deadline, [&] {
            queue_.reader_looks();
            outcome = queue_.try_read(item, after);
            return outcome != QueueOutcome::would_wait;
        });
        queue_.reader_leaves();
        return outcome;
    }
    QueueOutcome write(int item) {
        QueueOutcome outcome = queue_.try_write(item);
        if (outcome != QueueOutcome::would_wait) return outcome;
        (void)waiter_.wait(queue_.writable(), 0, Deadline::never(), [&] {
            queue_.writer_looks();
            outcome = queue_.try_write(item);
            return outcome != QueueOutcome::would_wait;
        });
        queue_.writer_leaves();
        return outcome;
    }

  private:
    Queue<int>& queue_;
    std::atomic<std::uint32_t> alert_ = 0;
    std::atomic<std::uint32_t> reports_ = 0;
    Waiter waiter_{alert_, reports_, true};
};

// So many threads of each kind; every item must arrive once.
void exchange(Queue<int>& queue, int writers, int readers, int items) {
    std::atomic<long> sum = 0;
    std::atomic<int> count = 0;
    std::vector<std::thread> threads;
    for (int reader = 0; reader < readers; ++reader)
        threads.emplace_back([&] {
            Patient self(queue);
            int item = 0;
            QueueStatus after{};
            while (self.read(item, after) == QueueOutcome::done) {
                sum += item;
                ++count;
            }
        });
    std::vector<std::thread> writing;
    for (int writer = 0; writer < writers; ++writer)
        writing.emplace_back([&] {
            Patient self(queue);
            for (int i = 1; i <= items; ++i) self.write(i);
        });
    for (auto& thread : writing) thread.join();
    queue.close();
    for (auto& thread : threads) thread.join();
    CHECK(count == writers * items);
    CHECK(sum == long(writers) * items * (items + 1) / 2);
    CHECK(queue.status() == QueueStatus::drained);
}

}  // namespace

TEST_CASE("queue: what goes in first comes out first") {
    Queue<int> queue(0);
    std::vector<int> items(1000);
    std::iota(items.begin(), items.end(), 0);
    std::size_t written = 0;
    CHECK(queue.try_write(items, written) == QueueOutcome::done);
    CHECK(written == 1000);
    CHECK(queue.items() == 1000);
    QueueStatus after{};
    for (int expected = 0; expected < 1000; ++expected) {
        int item = -1;
        REQUIRE(queue.try_read(item, after) == QueueOutcome::done);
        CHECK(item == expected);
        CHECK(after == QueueStatus::open);
    }
    int item = 0;
    CHECK(queue.try_read(item, after) == QueueOutcome::would_wait);
}

TEST_CASE("queue: a full one takes what there is room for") {
    Queue<int> queue(3);
    std::vector<int> items{1, 2, 3, 4};
    std::size_t written = 0;
    CHECK(queue.try_write(items, written) == QueueOutcome::would_wait);
    CHECK(written == 3);
    int item = 0;
    QueueStatus after{};
    CHECK(queue.try_read(item, after) == QueueOutcome::done);
    CHECK(queue.try_write(items[3]) == QueueOutcome::done);
    CHECK(queue.try_write(items[3]) == QueueOutcome::would_wait);
}

TEST_CASE("queue: a closed one is drained behind its last item") {
    Queue<int> queue(0);
    int item = 7;
    QueueStatus after{};
    queue.try_write(item);
    queue.close();
    queue.close();
    CHECK(queue.status() == QueueStatus::closed);
    CHECK(queue.try_write(item) == QueueOutcome::refused);
    CHECK(queue.try_read(item, after) == QueueOutcome::done);
    CHECK(after == QueueStatus::closed);
    CHECK(queue.status() == QueueStatus::drained);
    CHECK(queue.try_read(item, after) == QueueOutcome::refused);
}

TEST_CASE("queue: one writer and one reader miss nothing") {
    Queue<int> queue(0);
    exchange(queue, 1, 1, 20'000);
}

TEST_CASE("queue: many writers and readers miss nothing, more than there are CPUs") {
    Queue<int> queue(0);
    exchange(queue, 32, 32, 300);
}

TEST_CASE("queue: little room makes writers and readers take turns") {
    Queue<int> queue(2);
    exchange(queue, 8, 8, 300);
}

TEST_CASE("queue: readers whose time passes leave no wake-up behind") {
    Queue<int> queue(0);
    std::atomic<int> count = 0;
    std::vector<std::thread> threads;
    for (int reader = 0; reader < 4; ++reader)
        threads.emplace_back([&, is_patient = reader % 2 == 0] {
            Patient self(queue);
            int item = 0;
            QueueStatus after{};
            for (;;) {
                const auto deadline =
                    is_patient ? Deadline::never() : Deadline::after(Seconds(0.0001));
                const QueueOutcome outcome = self.read(item, after, deadline);
                if (outcome == QueueOutcome::refused) return;
                if (outcome == QueueOutcome::done) ++count;
            }
        });
    Patient self(queue);
    for (int i = 0; i < 2000; ++i) {
        self.write(i);
        if (i % 16 == 0) std::this_thread::yield();
    }
    queue.close();
    for (auto& thread : threads) thread.join();
    CHECK(count == 2000);
}

TEST_CASE("ring_buffer: it grows in the middle of its round") {
    RingBuffer<std::unique_ptr<int>> ring;
    int next = 0;
    int expected = 0;
    for (int round = 0; round < 100; ++round) {
        ring.reserve(7);
        for (int i = 0; i < 7; ++i) ring.push(std::make_unique<int>(next++));
        for (int i = 0; i < 5; ++i) CHECK(*ring.pop() == expected++);
    }
    CHECK(ring.size() == 200);
    while (!ring.is_empty()) CHECK(*ring.pop() == expected++);
    CHECK(expected == next);
}
