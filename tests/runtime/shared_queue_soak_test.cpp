// SPDX-License-Identifier: Apache-2.0
// Proves that processes that are killed at random instructions of writing and reading leave a
// shared queue in order, and take along no more than the one item that each was in the middle of.
// For 3 s, or IPCRUN_STRESS.
#include <doctest/doctest.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <random>

#include "tests/support/queue_ends.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

constexpr std::uint64_t writers = 2;
constexpr std::uint64_t capacity = 8;

// What the processes of a round have finished, in memory of its own.
struct Counts {
    std::atomic<std::uint64_t> written;
    std::atomic<std::uint64_t> read;
    std::atomic<std::uint64_t> is_wrong;
};

Counts& create_counts() {
    void* const page =
        ::mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(page != MAP_FAILED, "no memory");
    return *new (page) Counts{};
}

// Numbers from 1, for each writer; every fourth item is long.
void write_on(SharedQueue& queue, std::uint64_t writer, Counts& counts) {
    std::vector<std::uint64_t> item(9000);
    for (std::uint64_t number = 1;; ++number) {
        const std::uint64_t content = writer << 40 | number;
        std::fill(item.begin(), item.end(), content);
        if (!write(queue, item.data(), number % 4 == 0 ? item.size() * 8 : 16)) return;
        counts.written.fetch_add(1);
    }
}

// Which writer, which number; of nobody's half item.
std::pair<std::uint64_t, std::uint64_t> look_at(const StoragePtr& item, Counts& counts) {
    const auto* const words = reinterpret_cast<const std::uint64_t*>(item->data());
    const std::size_t last = item->bytes() / 8 - 1;
    for (const std::size_t at : {std::size_t{1}, last / 3, last / 2, last})
        if (words[at] != words[0]) counts.is_wrong.store(1);
    return {words[0] >> 40, words[0] & 0xff'ffff'ffff};
}

void read_on(SharedQueue& queue, Counts& counts) {
    std::vector<std::uint64_t> last(writers);
    while (const StoragePtr item = read(queue)) {
        const auto [writer, number] = look_at(item, counts);
        if (writer >= writers || number <= std::exchange(last[writer], number))
            counts.is_wrong.store(1);
        counts.read.fetch_add(1);
    }
}

// All others have been killed: what is left can be read, and then there is all the room again.
// Returns how many items were left.
std::uint64_t take_over(SharedQueue& queue, Counts& counts) {
    std::uint64_t written = 0, own = 0, left = 0;
    const Deadline deadline = Deadline::after(Seconds(20));
    while (own < capacity) {
        const std::uint64_t mine[] = {writers << 40, writers << 40};
        if (written < capacity && try_write(queue, mine, sizeof mine) == QueueOutcome::done) {
            ++written;
            continue;
        }
        if (queue.items() > 0) {
            ++(look_at(read(queue), counts).first == writers ? own : left);
            continue;
        }
        check(!deadline.has_passed(), "places were lost");
        try {
            queue.check_company();
        } catch (const Error&) {
            // Nobody else has it: so it says.
        }
    }
    return left;
}

}  // namespace

TEST_CASE("shared queue: processes that are killed at random take one item each along at most") {
    const char* const text = std::getenv("IPCRUN_STRESS");
    const Deadline deadline = Deadline::after(Seconds(text == nullptr ? 3 : std::atof(text)));
    std::minstd_rand random(20240611);
    const auto queue = SharedQueue::create(capacity);
    Counts& counts = create_counts();
    std::uint64_t rounds = 0, lost = 0, items = 0;
    for (; !deadline.has_passed(); ++rounds) {
        counts.written = 0;
        counts.read = 0;
        std::vector<std::unique_ptr<QueueProcess>> processes;
        for (std::uint64_t writer = 0; writer < writers; ++writer)
            processes.push_back(std::make_unique<QueueProcess>(
                *queue, [&, writer](SharedQueue& own) { write_on(own, writer, counts); }));
        processes.push_back(std::make_unique<QueueProcess>(
            *queue, [&](SharedQueue& own) { read_on(own, counts); }));
        std::uint64_t own_read = 0;
        for (const std::uint64_t wanted = 20 + random() % 400; own_read < wanted; ++own_read)
            (void)look_at(read(*queue), counts);
        std::shuffle(processes.begin(), processes.end(), random);
        for (const auto& process : processes) process->kill();
        own_read += take_over(*queue, counts);
        // A writer may have been killed before it counted its last one, and the reader, too.
        const std::uint64_t all_read = own_read + counts.read.load();
        REQUIRE(all_read + 1 >= counts.written.load());
        REQUIRE(all_read <= counts.written.load() + writers);
        REQUIRE(counts.is_wrong.load() == 0);
        lost += all_read < counts.written.load() ? 1 : 0;
        items += all_read;
    }
    MESSAGE(rounds << " rounds, " << items << " items, lost " << lost);
    CHECK(rounds > 0);
    CHECK(held_bytes(*queue) < 10 << 20);
}
