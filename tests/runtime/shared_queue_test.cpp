// SPDX-License-Identifier: Apache-2.0
// Proves what a shared queue gives to whom, and how it ends.
#include "runtime/shared_queue.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <numeric>
#include <thread>

#include "tests/support/queue_ends.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

TEST_CASE("shared queue: items of all sizes come out in their order, each whole") {
    const auto queue = SharedQueue::create(0);
    const std::vector<std::size_t> sizes = {0, 1, 255, 256, 257, 4096, 100'000, 3 << 20, 40 << 20};
    const QueueProcess writer(*queue, [&](SharedQueue& own) {
        for (const std::size_t size : sizes)
            write(own, std::vector<std::uint8_t>(size, size % 251).data(), size);
    });
    for (const std::size_t size : sizes) {
        CAPTURE(size);
        const StoragePtr item = read(*queue);
        REQUIRE(item->bytes() == size);
        CHECK(reinterpret_cast<std::uintptr_t>(item->data()) % 64 == 0);
        CHECK(item->kind() == Storage::Kind::private_memory);
        for (const std::size_t at : {std::size_t{0}, size / 2, size - 1})
            if (at < size) CHECK(item->data()[at] == std::byte(size % 251));
    }
    CHECK(queue->items() == 0);
}

TEST_CASE("shared queue: the parts of an item lie side by side, strided ones packed") {
    const auto queue = SharedQueue::create(0);
    std::vector<std::int32_t> numbers(200);
    std::iota(numbers.begin(), numbers.end(), 0);
    const std::int64_t sizes[] = {50, 2}, strides[] = {1, 100};
    for (const std::size_t head : {1ul, 300ul}) {
        const std::vector<std::uint8_t> first(head, 7);
        const Part parts[] = {{const_cast<std::uint8_t*>(first.data()), head, Dtype::u8},
                              {numbers.data(), 100, Dtype::i32, sizes, strides}};
        REQUIRE(queue->try_write(parts) == QueueOutcome::done);
        const StoragePtr item = read(*queue);
        REQUIRE(item->bytes() == head + 400);
        std::int32_t pair[2];
        std::memcpy(pair, item->data() + head + 49 * 8, 8);
        CHECK(pair[0] == 49);
        CHECK(pair[1] == 149);
    }
}

TEST_CASE("shared queue: a capacity bounds what waits, and not what readers hold") {
    const auto queue = SharedQueue::create(2);
    CHECK(queue->capacity() == 2);
    const std::vector<std::uint8_t> large(5000);
    CHECK(try_write(*queue, large.data(), 1) == QueueOutcome::done);
    CHECK(try_write(*queue, large.data(), large.size()) == QueueOutcome::done);
    CHECK(try_write(*queue, large.data(), 1) == QueueOutcome::would_wait);
    CHECK(try_write(*queue, large.data(), large.size()) == QueueOutcome::would_wait);
    CHECK(queue->items() == 2);
    const StoragePtr first = read(*queue), second = read(*queue);
    CHECK(try_write(*queue, large.data(), 1) == QueueOutcome::done);
    CHECK(try_write(*queue, large.data(), 1) == QueueOutcome::done);
    CHECK(try_write(*queue, large.data(), 1) == QueueOutcome::would_wait);
}

TEST_CASE("shared queue: a writer of another process sleeps until there is room") {
    const auto queue = SharedQueue::create(1);
    const QueueProcess writer(*queue, [](SharedQueue& own) {
        for (std::uint64_t i = 0; i < 2000; ++i) write(own, i);
    });
    for (std::uint64_t i = 0; i < 2000; ++i) REQUIRE(read_number(*queue) == i);
}

TEST_CASE("shared queue: a closed one takes nothing, gives what it has, and then is drained") {
    const auto queue = SharedQueue::create(0);
    CHECK(queue->status() == QueueStatus::open);
    write(*queue, 1);
    write(*queue, 2);
    StoragePtr item;
    QueueStatus after{};
    CHECK(queue->try_read(item, after) == QueueOutcome::done);
    CHECK(after == QueueStatus::open);
    queue->close();
    queue->close();
    CHECK(queue->status() == QueueStatus::closed);
    const std::uint64_t number = 3;
    CHECK(try_write(*queue, &number, sizeof number) == QueueOutcome::refused);
    CHECK(queue->try_read(item, after) == QueueOutcome::done);
    CHECK(after == QueueStatus::closed);
    CHECK(queue->status() == QueueStatus::drained);
    CHECK(queue->try_read(item, after) == QueueOutcome::refused);
    CHECK(try_write(*queue, &number, sizeof number) == QueueOutcome::refused);
}

TEST_CASE("shared queue: sleepers of other processes wake when it is closed and when drained") {
    const auto queue = SharedQueue::create(1);
    const auto results = SharedQueue::create(0);
    write(*queue, 1);
    QueueProcess writer(*queue, [&](SharedQueue& own) {
        const auto told = SharedQueue::attach(descriptor_of(*results));
        write(*told, write(own, 2) ? 1 : 0);
    });
    while (queue->writable().sleepers.load() == 0) std::this_thread::yield();
    queue->close();
    CHECK(read_number(*results) == 0);
    CHECK(writer.wait() == 0);
    QueueProcess reader(*queue, [&](SharedQueue& own) {
        const auto told = SharedQueue::attach(descriptor_of(*results));
        write(*told, read(own) ? 1 : 0);
        write(*told, read(own) ? 1 : 0);
    });
    CHECK(read_number(*results) == 1);
    CHECK(read_number(*results) == 0);
    CHECK(reader.wait() == 0);
}

TEST_CASE("shared queue: a reader that sleeps learns that another has drained it") {
    const auto queue = SharedQueue::create(0);
    QueueProcess sleeper(*queue, [](SharedQueue& own) {
        if (read(own)) ::_exit(2);
    });
    while (queue->readable().sleepers.load() == 0) std::this_thread::yield();
    queue->close();
    CHECK(sleeper.wait() == 0);
}

TEST_CASE("shared queue: an item is whole for as long as it is held, and its room used again") {
    auto queue = SharedQueue::create(0);
    const std::vector<std::uint8_t> ones(1 << 20, 1), twos(1 << 20, 2);
    write(*queue, ones.data(), ones.size());
    StoragePtr held = read(*queue);
    std::byte* const place = held->data();
    for (int i = 0; i < 100; ++i) {
        write(*queue, twos.data(), twos.size());
        const StoragePtr other = read(*queue);
        REQUIRE(other->data() != place);
    }
    CHECK(held->data()[ones.size() - 1] == std::byte{1});
    CHECK(held_bytes(*queue) < 3 << 20);
    std::thread([&] { held.reset(); }).join();
    write(*queue, twos.data(), twos.size());
    write(*queue, twos.data(), twos.size());
    const StoragePtr first = read(*queue), second = read(*queue);
    CHECK((first->data() == place || second->data() == place));
    // The mapping stays for those who hold something.
    queue.reset();
    CHECK(second->data()[0] == std::byte{2});
}

TEST_CASE("shared queue: what could never fit is an error, as is a capacity beyond the limit") {
    const auto queue = SharedQueue::create(0);
    const Part part{nullptr, std::size_t{1} << 60, Dtype::u8};
    CHECK_THROWS_WITH_AS((void)queue->try_write({&part, 1}), doctest::Contains("holds"), Error);
    CHECK_THROWS_WITH_AS((void)SharedQueue::create(std::numeric_limits<std::uint64_t>::max()),
                         doctest::Contains("capacity"), Error);
}
