// SPDX-License-Identifier: Apache-2.0
// Proves which strided parts are taken, and that their elements are found.
#include "runtime/strided.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>

#include "base/error.hpp"
#include "tests/support/run_ranks.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

using Numbers = std::vector<std::int64_t>;

// Offsets of all elements by the definition, in order; the last dimension is the fastest.
Numbers offsets_of(const Numbers& sizes, const Numbers& strides) {
    Numbers result{0};
    for (std::size_t dim = 0; dim < sizes.size(); ++dim) {
        Numbers next;
        for (const std::int64_t offset : result)
            for (std::int64_t i = 0; i < sizes[dim]; ++i) next.push_back(offset + i * strides[dim]);
        result = std::move(next);
    }
    return result;
}

bool is_taken(const Numbers& sizes, const Numbers& strides, bool is_written, int count_more = 0) {
    static std::byte memory;
    std::size_t count = 1;  // wraps where the sizes multiply to too much
    for (const std::int64_t size : sizes) count *= static_cast<std::size_t>(size);
    const Part part{&memory, count + static_cast<std::size_t>(count_more), Dtype::u8, sizes,
                    strides};
    try {
        check_strides(part, is_written);
        return true;
    } catch (const Error& error) {
        CHECK(error.code == ErrorCode::usage);
        return false;
    }
}

}  // namespace

TEST_CASE("strided: packing and unpacking find every element of up to 16 dimensions") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 400; ++round) {
        const std::size_t dims = 1 + random() % part_dims_max;
        Numbers sizes(dims), strides(dims), order(dims);
        std::iota(order.begin(), order.end(), 0);
        std::shuffle(order.begin(), order.end(), random);
        std::int64_t extent = 1, count = 1;
        for (const std::int64_t dim : order) {
            sizes[dim] = count > 2000 ? 1 : 1 + random() % (dims > 4 ? 2 : 9);
            const std::int64_t stride = extent + static_cast<int>(random() % 2);
            strides[dim] = random() % 3 == 0 ? -stride : stride;
            extent += stride * (sizes[dim] - 1);
            count *= sizes[dim];
        }
        const Dtype dtype = Dtype(random() % dtype_count);
        const std::size_t size = size_of(dtype);
        const Numbers offsets = offsets_of(sizes, strides);
        const std::int64_t lowest = std::ranges::min(offsets);
        std::vector<std::uint8_t> memory(size * (extent + 2)), packed(size * count);
        for (auto& byte : memory) byte = static_cast<std::uint8_t>(random());
        auto* first = memory.data() + static_cast<std::int64_t>(size) * (1 - lowest);
        const Part part{first, static_cast<std::size_t>(count), dtype, sizes, strides};
        check_strides(part, true);
        pack(part, reinterpret_cast<std::byte*>(packed.data()));
        auto expected = memory;
        for (std::size_t i = 0; i < offsets.size(); ++i) {
            const std::int64_t at = offsets[i] * static_cast<std::int64_t>(size);
            REQUIRE(std::memcmp(packed.data() + i * size, first + at, size) == 0);
            for (std::size_t j = 0; j < size; ++j) {
                packed[i * size + j] ^= 0xff;
                expected[first - memory.data() + at + j] ^= 0xff;
            }
        }
        unpack(reinterpret_cast<const std::byte*>(packed.data()), part);
        REQUIRE(memory == expected);
    }
}

TEST_CASE("strided: elements that may overlap can be read, and not be written") {
    for (const auto& [sizes, strides] :
         {std::pair(Numbers{4}, Numbers{0}), std::pair(Numbers{3, 2}, Numbers{1, 1}),
          std::pair(Numbers{2, 3, 2}, Numbers{-4, 2, -1}),
          std::pair(Numbers{2, 2}, Numbers{5, 0})}) {
        CHECK(is_taken(sizes, strides, false));
        CHECK_FALSE(is_taken(sizes, strides, true));
    }
    for (const auto& [sizes, strides] :
         {std::pair(Numbers{1}, Numbers{0}), std::pair(Numbers{3, 1}, Numbers{-1, 0}),
          std::pair(Numbers{0, 3}, Numbers{0, 0}), std::pair(Numbers{2, 3}, Numbers{1, 2})})
        CHECK(is_taken(sizes, strides, true));
}

TEST_CASE("strided: sizes, strides and counts that do not fit together are refused") {
    CHECK_FALSE(is_taken({2, 3}, {1}, false));
    CHECK_FALSE(is_taken({2, 3}, {3, 1}, false, 1));
    CHECK_FALSE(is_taken({-1, -6}, {1, 1}, false));
    CHECK_FALSE(is_taken({1ll << 40, 1ll << 40, 0}, {1, 1, 1}, false));
    CHECK_FALSE(is_taken(Numbers(part_dims_max + 1, 1), Numbers(part_dims_max + 1, 1), false));
    CHECK(is_taken(Numbers(part_dims_max, 1), Numbers(part_dims_max, 1), true));
}

TEST_CASE("strided: one element may stand for all that is given, and not for what is got") {
    for (const std::size_t count : {20u, 30000u})
        run_ranks({.ranks = 3}, [&](Rank& self) {
            float one = static_cast<float>(self.rank);
            auto* all = self.allocate<float>(3 * count);
            const Numbers sizes{static_cast<std::int64_t>(count)}, strides{0};
            const Part from{&one, count, Dtype::f32, sizes, strides};
            self.world.run(Collective::allgather(from, {all, 3 * count, Dtype::f32}));
            for (std::size_t i = 0; i < 3 * count; ++i)
                REQUIRE(all[i] == static_cast<float>(i / count));
            CHECK_THROWS_AS(self.world.allreduce({&from, 1}, Op::sum), Error);
            self.world.barrier();
            // The root of a broadcast only gives.
            const Part to{all, count, Dtype::f32};
            self.world.broadcast({self.rank == 1 ? &from : &to, 1}, 1);
            if (self.rank != 1) CHECK(std::count(all, all + count, 1.0f) == std::ptrdiff_t(count));
        });
}
