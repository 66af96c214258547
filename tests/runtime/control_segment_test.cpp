// SPDX-License-Identifier: Apache-2.0
// Proves that the control segment has room for what it promises, and that others are refused.
#include "runtime/wire/control_segment.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "base/error.hpp"
#include "runtime/communicator_block.hpp"
#include "runtime/communicator_blocks.hpp"

using namespace ipcrun;

TEST_CASE("control segment: the world fits for every number of ranks, and costs no memory") {
    for (const int ranks : {1, 2, 127, 1000, node_ranks_max}) {
        CAPTURE(ranks);
        const UniqueFd fd = ControlSegment::create(ranks, 2, 1ull << 30);
        const ControlSegment control(fd.get());
        CHECK(control.ranks() == ranks);
        const auto world = CommunicatorBlock::bytes(static_cast<std::size_t>(ranks));
        CHECK(control.header().world_offset + world <= control.bytes());
        struct stat file = {};
        REQUIRE(::fstat(fd.get(), &file) == 0);
        CHECK(file.st_blocks * 512 <= 8192);
    }
}

TEST_CASE("control segment: there is room for thousands of small and some world-sized groups") {
    for (const int ranks : {2, 64, node_ranks_max}) {
        CAPTURE(ranks);
        const UniqueFd fd = ControlSegment::create(ranks, 2, 1ull << 30);
        const ControlSegment control(fd.get());
        const std::uint64_t world_end =
            control.header().world_offset + CommunicatorBlock::bytes(ranks);
        for (int i = 0; i < 7; ++i) {
            const std::uint64_t offset = take_block(control, ranks).offset;
            REQUIRE(offset >= world_end);
            REQUIRE(offset + CommunicatorBlock::bytes(ranks) <= control.bytes());
        }
        for (int i = 0; i < 10000; ++i) REQUIRE(take_block(control, 2).offset != 0);
    }
}

TEST_CASE("control segment: a wish that finds no room takes none from smaller ones") {
    const UniqueFd fd = ControlSegment::create(2, 2, 1ull << 30);
    const ControlSegment control(fd.get());
    while (take_block(control, 512).offset != 0) {
    }
    for (int i = 0; i < 100; ++i) CHECK(take_block(control, 2000).offset == 0);
    CHECK(take_block(control, 2).offset != 0);
}

TEST_CASE("control segment: memory of another size is refused") {
    const UniqueFd fd = create_memfd("other", ControlSegment::bytes_for(2));
    CHECK_THROWS_AS(ControlSegment(fd.get()), Error);
    const UniqueFd small = create_memfd("small", 4096);
    CHECK_THROWS_AS(ControlSegment(small.get()), Error);
}
