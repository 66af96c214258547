// SPDX-License-Identifier: Apache-2.0
// Proves how processes find a shared queue, and what they learn of each other.
#include <doctest/doctest.h>
#include <sys/mman.h>

#include <thread>

#include "base/mapping.hpp"
#include "runtime/wire/queue_memory.hpp"
#include "tests/support/queue_ends.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

std::string error_of(const std::function<void()>& call, ErrorCode code) {
    try {
        call();
    } catch (const Error& error) {
        CHECK(error.code == code);
        return error.what();
    }
    return "no error";
}

}  // namespace

TEST_CASE("shared queue: what is no queue is refused") {
    const auto attach = [](UniqueFd fd) {
        return error_of([&] { (void)SharedQueue::attach(std::move(fd)); }, ErrorCode::protocol);
    };
    CHECK(attach(UniqueFd(::open("/dev/null", O_RDWR))).find("none of a queue") !=
          std::string::npos);
    CHECK(attach(create_memfd("small", 4096)).find("wrong size") != std::string::npos);
    const auto queue = SharedQueue::create(0);
    const std::uint64_t bytes = memfd_bytes(queue->descriptor());
    CHECK(attach(create_memfd("empty", bytes)).find("no queue") != std::string::npos);
    UniqueFd unsealed(::memfd_create("unsealed", MFD_CLOEXEC));
    REQUIRE(::ftruncate(unsealed.get(), static_cast<off_t>(bytes)) == 0);
    CHECK(attach(std::move(unsealed)).find("none of a queue") != std::string::npos);
}

TEST_CASE("shared queue: a wild writer makes errors, and the next call finds order again") {
    const auto queue = SharedQueue::create(0);
    const std::vector<std::uint8_t> large(5000, 1);
    for (int i = 0; i < 3; ++i) write(*queue, large.data(), large.size());
    const QueueMemory memory(descriptor_of(*queue));
    memory.slot(0).offset = ~std::uint64_t{63};
    memory.slot(1).room = std::uint64_t{1} << 50;
    StoragePtr item;
    QueueStatus after{};
    CHECK(error_of([&] { (void)queue->try_read(item, after); }, ErrorCode::protocol)
              .find("written over") != std::string::npos);
    // Only what was written over is lost.
    CHECK(queue->try_read(item, after) == QueueOutcome::done);
    CHECK(item->data()[4999] == std::byte{1});
    CHECK(queue->items() == 0);
    memory.header().free_first = 0xffff'ffff;
    CHECK_THROWS_AS((void)try_write(*queue, large.data(), 8), Error);
    CHECK(try_write(*queue, large.data(), 8) == QueueOutcome::done);
}

TEST_CASE("shared queue: a reference is opened by another process while its namer has the queue") {
    auto queue = SharedQueue::create(5);
    const SharedQueue::Reference reference = queue->reference();
    const auto names = SharedQueue::create(0);
    QueueProcess other(*names, [&](SharedQueue& own) {
        {
            const auto opened = SharedQueue::open(reference);
            write(*opened, 42);
            if (opened->capacity() != 5) ::_exit(2);
        }
        const auto second = SharedQueue::create(0);
        const SharedQueue::Reference back = second->reference();
        write(own, &back, sizeof back);
        (void)read(*second);
    });
    CHECK(read_number(*queue) == 42);
    // There and back, and in the own process.
    const StoragePtr item = read(*names);
    SharedQueue::Reference back;
    REQUIRE(item->bytes() == sizeof back);
    std::memcpy(&back, item->data(), sizeof back);
    write(*SharedQueue::open(back), 1);
    CHECK(SharedQueue::open(reference)->capacity() == 5);
    CHECK(other.wait() == 0);
    CHECK(error_of([&] { (void)SharedQueue::open(back); }, ErrorCode::peer_lost)
              .ends_with("the process has ended"));
    SharedQueue::Reference wrong = reference;
    ++wrong.nonce;
    CHECK(error_of([&] { (void)SharedQueue::open(wrong); }, ErrorCode::peer_lost)
              .ends_with("it has let go of the queue"));
    queue.reset();
    CHECK(error_of([&] { (void)SharedQueue::open(reference); }, ErrorCode::peer_lost)
              .ends_with("it has let go of the queue"));
}

TEST_CASE("shared queue: a child after fork has no part in its parent's") {
    const auto queue = SharedQueue::create(0);
    const std::vector<std::uint8_t> large(5000, 1);
    for (int i = 0; i < 2; ++i) write(*queue, large.data(), large.size());
    StoragePtr held = read(*queue);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        int wrong = 0;
        try {
            (void)queue->items();
            wrong = 1;
        } catch (const Error& error) {
            if (error.code != ErrorCode::usage) wrong = 2;
        }
        held.reset();  // is the parent's, still
        const auto own = SharedQueue::attach(descriptor_of(*queue));
        if (own->items() != 1) wrong = 3;
        ::_exit(wrong);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    write(*queue, large.data(), large.size());
    std::memset(held->data(), 9, large.size());
    CHECK(read(*queue)->data()[0] == std::byte{1});
    CHECK(read(*queue)->data()[0] == std::byte{1});
}

TEST_CASE("shared queue: who waits hears that the last other process was killed") {
    const auto queue = SharedQueue::create(0);
    QueueProcess orderly(*queue, [](SharedQueue& own) { (void)own.items(); });
    CHECK(orderly.wait() == 0);
    queue->check_company();  // that one let go
    QueueProcess killed(*queue, [](SharedQueue& own) { (void)read(own); });
    QueueProcess other(*queue, [](SharedQueue& own) { (void)read(own); });
    while (queue->readable().sleepers.load() < 2) std::this_thread::yield();
    const pid_t first = killed.pid(), second = other.pid();
    killed.kill();
    const Deadline deadline = Deadline::after(Seconds(0.3));
    while (!deadline.has_passed()) queue->check_company();  // there is another one
    other.kill();
    const std::string text =
        error_of([&] { (void)read(*queue, Alone::is_an_error); }, ErrorCode::peer_lost);
    CHECK((text.find(std::to_string(first)) != std::string::npos ||
           text.find(std::to_string(second)) != std::string::npos));
    CHECK(text.find("ended without closing it") != std::string::npos);
}

TEST_CASE("shared queue: idle memory goes back to the system") {
    const auto queue = SharedQueue::create(0);
    const std::vector<std::uint8_t> large(8 << 20, 1);
    for (int i = 0; i < 20; ++i) write(*queue, large.data(), large.size());
    CHECK(held_bytes(*queue) > 150 << 20);
    for (int i = 0; i < 20; ++i) (void)read(*queue);
    CHECK(held_bytes(*queue) < 100 << 20);
    // Whoever waits gives the rest back, once nothing large has come for a while.
    const Deadline deadline = Deadline::after(Seconds(10));
    while (held_bytes(*queue) > 40 << 20 && !deadline.has_passed()) {
        const FutexWait wait{&queue->readable().generation, queue->readable().generation.load()};
        futex_wait_any({&wait, 1}, Deadline::after(Seconds(0.1)));
        queue->check_company();
    }
    CHECK(held_bytes(*queue) <= 40 << 20);
}

TEST_CASE("shared queue: a long queue that has run empty gives its slots back") {
    const auto queue = SharedQueue::create(0);
    constexpr std::uint64_t count = 200'000;
    for (std::uint64_t i = 0; i < count; ++i) write(*queue, i);
    CHECK(held_bytes(*queue) > 60 << 20);
    for (std::uint64_t i = 0; i < count; ++i) REQUIRE(read_number(*queue) == i);
    CHECK(held_bytes(*queue) < 30 << 20);
    write(*queue, 5);
    CHECK(read_number(*queue) == 5);
}
