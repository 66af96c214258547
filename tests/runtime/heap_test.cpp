// SPDX-License-Identifier: Apache-2.0
// Proves that blocks of the shared heap are disjoint, aligned, used again, given back when idle,
// seen by peers, and closed in a forked child.
#include "runtime/heap.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <thread>

#include "base/error.hpp"
#include "runtime/size_classes.hpp"
#include "runtime/storage.hpp"

using namespace ipcrun;

namespace {

std::shared_ptr<Heap> create_heap(std::uint64_t arena_bytes = 1ull << 30) {
    return std::make_shared<Heap>(NodeMemory::create(2, 2, arena_bytes), 0);
}

std::uint64_t resident_bytes(const Heap& heap) {
    struct stat status = {};
    REQUIRE(::fstat(heap.memory()->heap_fd(), &status) == 0);
    return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

}  // namespace

TEST_CASE("heap: every size class holds what is put into it and wastes a quarter at most") {
    for (std::size_t bytes = 1; bytes <= Heap::small_bytes_max; ++bytes) {
        const std::size_t held = size_class_bytes(size_class_of(bytes));
        REQUIRE(held >= bytes);
        REQUIRE((bytes <= 256 || held <= bytes + bytes / 4 + 64));
    }
}

TEST_CASE("heap: blocks of all sizes are aligned and keep what was written into them") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto heap = create_heap();
    struct Block {
        unsigned char* data;
        std::size_t bytes;
        unsigned char mark;
    };
    std::vector<Block> blocks;
    for (int step = 0; step < 5000; ++step) {
        if (blocks.size() < 50 || random() % 2 == 0) {
            const std::size_t bytes = random() % (random() % 10 == 0 ? 300000 : 20000);
            auto* data = static_cast<unsigned char*>(heap->allocate(bytes));
            REQUIRE(data != nullptr);
            REQUIRE(reinterpret_cast<std::uintptr_t>(data) % 64 == 0);
            const auto mark = static_cast<unsigned char>(random());
            std::memset(data, mark, bytes);
            blocks.push_back({data, bytes, mark});
        } else {
            const std::size_t victim = random() % blocks.size();
            const Block block = blocks[victim];
            for (std::size_t i = 0; i < block.bytes; i += 97) REQUIRE(block.data[i] == block.mark);
            heap->deallocate(block.data);
            blocks[victim] = blocks.back();
            blocks.pop_back();
        }
    }
}

TEST_CASE("heap: a full arena gives null, and works again after something was freed") {
    const auto heap = create_heap(1ull << 20);
    void* most = heap->allocate(1'000'000);
    REQUIRE(most != nullptr);
    CHECK(heap->allocate(1'000'000) == nullptr);
    heap->deallocate(most);
    CHECK(heap->allocate(1'000'000) == most);
}

TEST_CASE("heap: idle memory goes back to the system, used memory stays") {
    const auto heap = create_heap();
    constexpr std::size_t bytes = 8 << 20;
    void* idle = heap->allocate(bytes);
    void* used = heap->allocate(bytes);
    std::memset(idle, 1, bytes);
    std::memset(used, 2, bytes);
    heap->deallocate(idle);
    const std::uint64_t before = resident_bytes(*heap);
    heap->release_idle(Clock::now() + std::chrono::seconds(1));
    CHECK(before - resident_bytes(*heap) == bytes);
    CHECK(heap->held_bytes() == 0);
    CHECK(static_cast<char*>(used)[bytes - 1] == 2);
}

TEST_CASE("heap: a peer finds the same bytes through a reference") {
    const auto heap = create_heap();
    auto* data = static_cast<char*>(heap->allocate(100));
    std::strcpy(data, "hello");
    const auto ref = heap->memory()->locate(data, 100);
    REQUIRE(ref);
    CHECK(ref->arena == 0);
    CHECK(std::string(reinterpret_cast<char*>(heap->memory()->resolve(*ref, 100))) == "hello");
    int on_stack = 0;
    CHECK_FALSE(heap->memory()->locate(&on_stack, sizeof on_stack));
}

TEST_CASE("heap: a reference beyond the heap is refused") {
    const auto heap = create_heap();
    CHECK_THROWS_AS(heap->memory()->resolve({2, 0, 0}, 1), Error);
    CHECK_THROWS_AS(heap->memory()->resolve({0, 0, (1ull << 30) - 1}, 2), Error);
    CHECK_THROWS_AS(heap->memory()->resolve({0, 0, ~0ull}, 2), Error);
    CHECK_THROWS_AS(heap->memory()->resolve({0, 1, 0}, 1), Error);
}

TEST_CASE("heap: threads that allocate and free at once do not disturb each other") {
    const auto heap = create_heap();
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread)
        threads.emplace_back([&heap, thread] {
            for (int i = 0; i < 2000; ++i) {
                const std::size_t bytes = 64u << (i % 12);
                auto* data = static_cast<unsigned char*>(heap->allocate(bytes));
                std::memset(data, thread, bytes);
                if (data[bytes - 1] != thread) std::abort();
                heap->deallocate(data);
            }
        });
    for (std::thread& thread : threads) thread.join();
}

TEST_CASE("heap: a block that a peer freed is used again by its owner") {
    const auto memory = NodeMemory::create(2, 2, 1ull << 30);
    const auto owner = std::make_shared<Heap>(memory, 0);
    const auto peer = std::make_shared<Heap>(memory, 1);
    for (const std::size_t bytes : {8ul, 64ul, 5000ul, 1ul << 20}) {
        CAPTURE(bytes);
        void* first = owner->allocate(bytes);
        void* second = owner->allocate(bytes);
        peer->deallocate(second);
        peer->deallocate(first);
        void* again[] = {owner->allocate(bytes), owner->allocate(bytes)};
        CHECK((again[0] == first || again[0] == second));
        CHECK((again[1] == first || again[1] == second));
        CHECK(again[0] != again[1]);
    }
}

TEST_CASE("heap: a storage that was adopted goes back to the heap that it came from") {
    const auto memory = NodeMemory::create(2, 2, 1ull << 30);
    const auto owner = std::make_shared<Heap>(memory, 0);
    const auto peer = std::make_shared<Heap>(memory, 1);
    void* block = owner->allocate(4000);
    StoragePtr adopted = Storage::adopt(peer, static_cast<std::byte*>(block), Dtype::f32, 1000);
    CHECK(adopted->kind() == Storage::Kind::heap);
    CHECK(adopted->bytes() == 4000);
    CHECK(owner->allocate(4000) != block);
    adopted.reset();
    CHECK(owner->allocate(4000) == block);
}

TEST_CASE("heap: what a peer returns that is no block in use is ignored") {
    const auto memory = NodeMemory::create(2, 2, 1ull << 26);
    const auto owner = std::make_shared<Heap>(memory, 0);
    std::byte* const arena = memory->arena(0);
    auto* small = static_cast<std::byte*>(owner->allocate(64));
    auto* large = static_cast<std::byte*>(owner->allocate(1 << 20));
    std::memset(large, 0, 1 << 20);
    const auto offset = [&](const std::byte* at) { return static_cast<std::uint64_t>(at - arena); };
    auto& returned = memory->control().rank(0).returned;
    for (const std::uint64_t bogus :
         {std::uint64_t{1} << 26, ~std::uint64_t{0}, (std::uint64_t{1} << 26) - 3,
          offset(small) + 8, offset(small) + 64, offset(large) + 64, offset(large) + 65536,
          offset(large) + (4 << 20)}) {
        CAPTURE(bogus);
        returned.store(bogus + 1);
        void* other = owner->allocate(64);
        CHECK(other != small);
        owner->deallocate(other);
        CHECK(returned.load() == 0);
    }
    // A list that bites its tail ends with the first block that is there twice.
    const std::uint64_t itself = offset(large) + 1;
    std::memcpy(large, &itself, sizeof itself);
    returned.store(itself);
    CHECK(owner->allocate(1 << 20) == large);
    CHECK(owner->allocate(1 << 20) != large);
}

TEST_CASE("heap: peers that free at once lose nothing") {
    const auto memory = NodeMemory::create(4, 4, 1ull << 24);
    std::vector<std::shared_ptr<Heap>> heaps;
    for (int rank = 0; rank < 4; ++rank) heaps.push_back(std::make_shared<Heap>(memory, rank));
    // More than the arena holds, were anything lost.
    for (int round = 0; round < 40; ++round) {
        std::vector<void*> blocks;
        for (int i = 0; i < 300; ++i) {
            blocks.push_back(heaps[0]->allocate(i % 3 == 0 ? 70000 : 3000));
            REQUIRE(blocks.back() != nullptr);
        }
        std::vector<std::thread> threads;
        for (std::size_t peer = 0; peer < 3; ++peer)
            threads.emplace_back([&, peer] {
                for (std::size_t i = peer; i < blocks.size(); i += 3)
                    heaps[peer + 1]->deallocate(blocks[i]);
            });
        for (std::thread& thread : threads) thread.join();
    }
}

TEST_CASE("heap: a forked child gets private storage and leaves the parent's alone") {
    const auto heap = create_heap();
    StoragePtr inherited = Storage::create(heap, Dtype::f32, 1000);
    REQUIRE(inherited->kind() == Storage::Kind::heap);
    // What is proven is fork() itself; the child only computes and ends.
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const StoragePtr fresh = Storage::create(heap, Dtype::f32, 1000);
        inherited.reset();
        ::_exit(fresh->kind() == Storage::Kind::private_memory ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(Storage::create(heap, Dtype::f32, 1000)->data() != inherited->data());
}
