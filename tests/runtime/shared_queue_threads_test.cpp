// SPDX-License-Identifier: Apache-2.0
// Proves that many writers and many readers get every item across exactly once, in the order of
// each writer. Threads of one attachment, so that ThreadSanitizer sees all of it.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "tests/support/queue_ends.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

struct Item {
    std::uint32_t writer;
    std::uint32_t number;
};

// Some are small and some are not.
std::size_t bytes_of(const Item& item) {
    return item.number % 3 == 0 ? 3000 + item.number : sizeof item;
}

void write_all(SharedQueue& queue, std::uint32_t writer, std::uint32_t count) {
    std::vector<std::uint8_t> bytes(4000 + count, static_cast<std::uint8_t>(writer));
    for (std::uint32_t number = 0; number < count; ++number) {
        const Item item{writer, number};
        std::memcpy(bytes.data(), &item, sizeof item);
        check(write(queue, bytes.data(), bytes_of(item)), "the queue was closed");
    }
}

}  // namespace

TEST_CASE("shared queue: of many writers and readers every item comes exactly once, in order") {
    for (const std::uint64_t capacity : {0, 1, 7}) {
        CAPTURE(capacity);
        constexpr std::uint32_t count = 1000;
        constexpr int ends = 3;
        const auto queue = SharedQueue::create(capacity);
        std::mutex mutex;
        std::map<std::uint32_t, std::vector<bool>> seen;
        bool is_right = true;
        std::vector<std::thread> readers, writers;
        for (int i = 0; i < ends; ++i)
            readers.emplace_back([&] {
                std::map<std::uint32_t, std::uint32_t> next;
                while (const StoragePtr storage = read(*queue)) {
                    Item item{};
                    std::memcpy(&item, storage->data(), sizeof item);
                    const std::lock_guard lock(mutex);
                    is_right &=
                        storage->bytes() == bytes_of(item) && item.number >= next[item.writer];
                    next[item.writer] = item.number + 1;
                    auto& numbers = seen[item.writer];
                    numbers.resize(count);
                    is_right &= !numbers[item.number];
                    numbers[item.number] = true;
                }
            });
        for (std::uint32_t i = 0; i < ends; ++i)
            writers.emplace_back([&, i] { write_all(*queue, i, count); });
        for (std::thread& writer : writers) writer.join();
        queue->close();
        for (std::thread& reader : readers) reader.join();
        CHECK(is_right);
        CHECK(seen.size() == ends);
        for (const auto& [writer, numbers] : seen)
            CHECK(std::count(numbers.begin(), numbers.end(), true) == count);
        CHECK(queue->status() == QueueStatus::drained);
    }
}

TEST_CASE("shared queue: many processes write and read, several attachments in one as well") {
    const auto queue = SharedQueue::create(16);
    constexpr std::uint32_t count = 500;
    constexpr std::uint32_t writers = 3;
    std::vector<std::unique_ptr<QueueProcess>> processes;
    for (std::uint32_t i = 0; i < writers; ++i)
        processes.push_back(std::make_unique<QueueProcess>(
            *queue, [i](SharedQueue& own) { write_all(own, i, count); }));
    const auto again = SharedQueue::attach(descriptor_of(*queue));
    std::vector<std::uint32_t> next(writers);
    for (std::uint32_t i = 0; i < count * writers; ++i) {
        const StoragePtr storage = read(i % 2 == 0 ? *queue : *again);
        Item item{};
        std::memcpy(&item, storage->data(), sizeof item);
        REQUIRE(item.writer < writers);
        REQUIRE(next[item.writer]++ == item.number);
    }
    for (const auto& process : processes) CHECK(process->wait() == 0);
    CHECK(queue->items() == 0);
}
