// SPDX-License-Identifier: Apache-2.0
// Proves that a process that is killed takes along at most the item that it was writing or reading.
#include <doctest/doctest.h>

#include <thread>

#include "runtime/queue_lock.hpp"
#include "runtime/wire/queue_memory.hpp"
#include "tests/support/queue_ends.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

void write_numbered(SharedQueue& queue, std::uint64_t number, std::size_t bytes) {
    std::vector<std::uint8_t> item(bytes, static_cast<std::uint8_t>(number));
    std::memcpy(item.data(), &number, sizeof number);
    check(write(queue, item.data(), bytes), "the queue was closed");
}

std::uint64_t number_of(const StoragePtr& item) {
    std::uint64_t number = 0;
    std::memcpy(&number, item->data(), sizeof number);
    // Nobody's half item.
    for (std::size_t i = sizeof number; i < item->bytes(); i += 97)
        check(item->data()[i] == std::byte(static_cast<std::uint8_t>(number)), "a torn item");
    return number;
}

// Does somebody who looks after the dead find that nobody has anything any more?
bool becomes_free(SharedQueue& queue) {
    const QueueMemory memory(descriptor_of(queue));
    const Deadline deadline = Deadline::after(Seconds(10));
    while (memory.header().in_use != 0 && !deadline.has_passed()) {
        std::this_thread::yield();
        try {
            queue.check_company();
        } catch (const Error& error) {
            check(error.code == ErrorCode::peer_lost, "another error came");
        }
    }
    return memory.header().in_use == 0;
}

// Without the lock, whose next holder would find what the dead have left.
void mark_closed(SharedQueue& queue) {
    const QueueMemory memory(descriptor_of(queue));
    memory.header().closed.store(1);
}

bool was_killed(int status) {
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

}  // namespace

TEST_CASE("shared queue: items of a writer that has ended can be read") {
    const auto queue = SharedQueue::create(0);
    QueueProcess writer(*queue, [](SharedQueue& own) {
        write_numbered(own, 1, 8);
        write_numbered(own, 2, 1 << 20);
    });
    CHECK(writer.wait() == 0);
    QueueProcess killed(*queue, [](SharedQueue& own) {
        write_numbered(own, 3, 1 << 20);
        (void)::raise(SIGKILL);
    });
    CHECK(was_killed(killed.wait()));
    for (std::uint64_t number = 1; number <= 3; ++number) CHECK(number_of(read(*queue)) == number);
}

TEST_CASE("shared queue: a writer that is killed at any point loses one item at most") {
    for (const char* point : {"queue_reserved", "queue_copied", "queue_locked", "queue_committed"})
        for (const std::size_t bytes : {8ul, 1ul << 20})
            for (const std::uint64_t capacity : {0, 3}) {
                CAPTURE(std::string(point));
                CAPTURE(bytes);
                CAPTURE(capacity);
                const auto queue = SharedQueue::create(capacity);
                QueueProcess writer(
                    *queue,
                    [bytes](SharedQueue& own) {
                        for (std::uint64_t i = 1; i <= 5; ++i) write_numbered(own, i, bytes);
                    },
                    std::string(point) + ":0:3");
                CHECK(number_of(read(*queue)) == 1);
                CHECK(number_of(read(*queue)) == 2);
                CHECK(was_killed(writer.wait()));
                // All of what waits is to be there for others: no place is lost.
                for (std::uint64_t i = 10; i < 12; ++i) write_numbered(*queue, i, bytes);
                std::uint64_t next = number_of(read(*queue));
                const bool is_last_there = next == 3;
                CHECK(is_last_there == (std::string(point) == "queue_locked" ||
                                        std::string(point) == "queue_committed"));
                if (is_last_there) next = number_of(read(*queue));
                CHECK(next == 10);
                CHECK(number_of(read(*queue)) == 11);
                for (std::uint64_t i = 0; i < 3; ++i) write_numbered(*queue, i, bytes);
                CHECK(queue->items() == 3);
                queue->close();
                for (std::uint64_t i = 0; i < 3; ++i) CHECK(number_of(read(*queue)) == i);
                CHECK(read(*queue).get() == nullptr);
            }
}

TEST_CASE("shared queue: a reader that is killed at any point loses one item at most") {
    for (const char* point : {"queue_locked", "queue_taken"})
        for (const std::size_t bytes : {8ul, 1ul << 20}) {
            CAPTURE(std::string(point));
            CAPTURE(bytes);
            const auto queue = SharedQueue::create(4);
            for (std::uint64_t i = 1; i <= 4; ++i) write_numbered(*queue, i, bytes);
            QueueProcess reader(
                *queue,
                [](SharedQueue& own) {
                    for (;;) (void)read(own);
                },
                std::string(point) + ":0:2");
            CHECK(was_killed(reader.wait()));
            CHECK(number_of(read(*queue)) == 3);
            for (std::uint64_t i = 5; i <= 7; ++i) write_numbered(*queue, i, bytes);
            for (std::uint64_t i = 4; i <= 7; ++i) CHECK(number_of(read(*queue)) == i);
            CHECK(queue->items() == 0);
        }
}

TEST_CASE(
    "shared queue: a reader asleep finds the item of a writer that was killed before ringing") {
    const auto queue = SharedQueue::create(0);
    for (const char* point : {"queue_locked", "queue_committed"}) {
        QueueProcess reader(*queue, [](SharedQueue& own) {
            if (read_number(own) != 7) ::_exit(2);
        });
        while (queue->readable().sleepers.load() == 0) std::this_thread::yield();
        QueueProcess writer(
            *queue, [](SharedQueue& own) { write(own, 7); }, std::string(point) + ":0:1");
        CHECK(was_killed(writer.wait()));
        CHECK(reader.wait() == 0);
    }
}

TEST_CASE("shared queue: who looks without waiting learns what became of a killed writer's item") {
    for (const char* point : {"queue_reserved", "queue_copied", "queue_locked"})
        for (const std::size_t bytes : {8ul, 1ul << 20})
            for (const bool is_closed : {true, false}) {
                CAPTURE(std::string(point));
                CAPTURE(bytes);
                const bool is_there = std::string(point) == "queue_locked";
                if (!is_closed && !is_there) continue;  // it would look for ever
                const auto queue = SharedQueue::create(0);
                QueueProcess writer(
                    *queue, [bytes](SharedQueue& own) { write_numbered(own, 7, bytes); },
                    std::string(point) + ":0:1");
                CHECK(was_killed(writer.wait()));
                if (is_closed) mark_closed(*queue);
                StoragePtr item;
                QueueStatus after{};
                const Deadline deadline = Deadline::after(Seconds(10));
                QueueOutcome outcome = QueueOutcome::would_wait;
                while (outcome == QueueOutcome::would_wait && !deadline.has_passed()) {
                    std::this_thread::yield();
                    outcome = queue->try_read(item, after);
                }
                CHECK(outcome == (is_there ? QueueOutcome::done : QueueOutcome::refused));
                if (item) CHECK(number_of(item) == 7);
            }
}

TEST_CASE("shared queue: the memory that killed processes had is used again") {
    const auto queue = SharedQueue::create(0);
    constexpr std::size_t bytes = 1 << 20;
    for (int i = 0; i < 50; ++i) {
        const char* const fault = i % 3 == 0   ? "queue_reserved:0:2"
                                  : i % 3 == 1 ? "queue_copied:0:2"
                                               : "queue_taken:0:2";
        QueueProcess killed(
            *queue,
            [&](SharedQueue& own) {
                write_numbered(own, 1, bytes);
                const StoragePtr held = read(own);
                write_numbered(own, 2, bytes);
                (void)::raise(SIGKILL);
            },
            fault);
        CHECK(was_killed(killed.wait()));
        StoragePtr item;
        QueueStatus after{};
        while (queue->try_read(item, after) == QueueOutcome::done) {
        }
        item.reset();
        if (i % 5 == 0) CHECK(becomes_free(*queue));
    }
    CHECK(becomes_free(*queue));
    CHECK(held_bytes(*queue) < 20 << 20);
}

TEST_CASE(
    "shared queue: a process that is stopped in the middle holds others up until it goes on") {
    const auto queue = SharedQueue::create(0);
    QueueProcess stopped(
        *queue, [](SharedQueue& own) { write(own, 1); }, "queue_locked:0:1:stop");
    int status = 0;
    REQUIRE(::waitpid(stopped.pid(), &status, WUNTRACED) == stopped.pid());
    REQUIRE(WIFSTOPPED(status));
    const QueueMemory memory(descriptor_of(*queue));
    try {
        lock_queue(memory.header(), Seconds(0.05));
        FAIL("it had the lock");
    } catch (const Error& error) {
        CHECK(error.code == ErrorCode::timeout);
    }
    (void)::kill(stopped.pid(), SIGCONT);
    write(*queue, 2);
    CHECK(read_number(*queue) == 1);
    CHECK(read_number(*queue) == 2);
    CHECK(stopped.wait() == 0);
}
