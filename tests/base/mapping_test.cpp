// SPDX-License-Identifier: Apache-2.0
// Proves that shared memory keeps its size and is seen by every mapping of it.
#include "base/mapping.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/error.hpp"

using namespace ipcrun;

TEST_CASE("mapping: a memfd can be neither grown nor shrunk nor unsealed") {
    const UniqueFd fd = create_memfd("test", 8192);
    CHECK(memfd_bytes(fd.get()) == 8192);
    CHECK(::ftruncate(fd.get(), 4096) == -1);
    CHECK(errno == EPERM);
    CHECK(::ftruncate(fd.get(), 16384) == -1);
    CHECK(errno == EPERM);
    CHECK(::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE) == -1);
    CHECK(errno == EPERM);
    CHECK(memfd_bytes(fd.get()) == 8192);
    CHECK((::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("mapping: two mappings show the same memory, from any page on") {
    const UniqueFd fd = create_memfd("test", 8192);
    const Mapping whole(fd.get(), 0, 8192);
    const Mapping second_page(fd.get(), 4096, 4096);
    CHECK(whole.data()[4096] == std::byte{0});
    second_page.data()[0] = std::byte{42};
    CHECK(whole.data()[4096] == std::byte{42});
    CHECK(second_page.bytes() == 4096);
}

TEST_CASE("mapping: outlives its descriptor and moves with its owner") {
    Mapping first;
    CHECK_FALSE(first);
    {
        const UniqueFd fd = create_memfd("test", 4096);
        first = Mapping(fd.get(), 0, 4096);
    }
    first.data()[7] = std::byte{1};
    Mapping second = std::move(first);
    CHECK_FALSE(first);
    CHECK(second.data()[7] == std::byte{1});
    second.reset();
    CHECK_FALSE(second);
    CHECK(second.bytes() == 0);
}

TEST_CASE("mapping: sparse memory may be larger than the machine's") {
    const UniqueFd fd = create_memfd("test", std::uint64_t{1} << 42);
    CHECK(memfd_bytes(fd.get()) == std::uint64_t{1} << 42);
}

TEST_CASE("mapping: what cannot be mapped is an error that says how much was wanted") {
    const UniqueFd fd = create_memfd("test", 4096);
    CHECK_THROWS_WITH_AS(Mapping(fd.get(), 1, 4096),
                         doctest::Contains("map 4096 bytes of shared memory"), Error);
    CHECK_THROWS_AS(Mapping(-1, 0, 4096), Error);
}
