// SPDX-License-Identifier: Apache-2.0
// Proves what ranks read of those on other hosts.
#include "runtime/wire/job_table.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/error.hpp"

using namespace ipcrun;

namespace {

JobDirectory three_ranks() {
    return {{"a", "b"}, {{1, 1, "10.0.0.2:5", 2}, {0, 0, "[fd00::1]:7", 0}, {1, 0, "", 1}}};
}

using Words = std::array<std::uint32_t, 3>;

// Two roots, none, a circle beside the root, itself, nobody, and a number that is none.
constexpr Words no_trees[] = {{0, 0, 1}, {2, 3, 1},           {0, 3, 2}, {0, 1, 3},
                              {0, 4, 1}, {0, 1, 0x8000'0000}, {0, 0, 0}, {0, 1, 0xffff'ffff}};

// Where the parents are: where tables of two trees differ.
std::vector<std::size_t> places_of_parents(const Mapping& one, const Mapping& other) {
    std::vector<std::size_t> places;
    for (std::size_t at = 0; at + sizeof(std::uint32_t) <= one.bytes(); at += sizeof(std::uint32_t))
        if (std::memcmp(one.data() + at, other.data() + at, sizeof(std::uint32_t)) != 0)
            places.push_back(at);
    return places;
}

}  // namespace

TEST_CASE("job table: a rank finds where every other one is") {
    const UniqueFd fd = JobTable::create(three_ranks());
    const JobTable table(fd.get());
    CHECK(table.ranks() == 3);
    CHECK(table.hosts() == 2);
    CHECK(table.host_name(table.host_of(0)) == "b");
    CHECK(table.host_name(table.host_of(1)) == "a");
    CHECK(table.local_rank_of(0) == 1);
    CHECK(table.address_of(0) == "10.0.0.2:5");
    CHECK(table.address_of(1) == "[fd00::1]:7");
    CHECK(table.address_of(2).empty());
    CHECK(table.ranks_on(1) == std::vector<int>{2, 0});
    CHECK(table.tree_parents() == std::vector<int>{1, -1, 0});
}

TEST_CASE("job table: an end is seen by all who map it, and the first word counts") {
    const UniqueFd fd = JobTable::create(three_ranks());
    const JobTable agents(fd.get());
    const JobTable ranks(fd.get());
    CHECK(ranks.state_of(0) == RankState::absent);
    agents.mark_ended(0, 9);
    agents.mark_ended(0, 0);
    agents.mark_ended(2, 0);
    agents.mark_ended(1, host_lost_status);
    CHECK(ranks.state_of(0) == RankState::failed);
    CHECK(ranks.wait_status_of(0) == 9);
    CHECK(ranks.state_of(1) == RankState::failed);
    CHECK(ranks.state_of(2) == RankState::exited);
}

TEST_CASE("job table: what makes no sense is refused") {
    CHECK_THROWS_AS((void)JobTable::create({}), Error);
    CHECK_THROWS_AS((void)JobTable::create({{"a"}, {{1, 0, "x"}}}), Error);
    for (const Words& parents : no_trees) {
        JobDirectory directory = three_ranks();
        for (std::size_t rank = 0; rank < 3; ++rank)
            directory.seats[rank].tree_parent = parents[rank];
        CHECK_THROWS_AS((void)JobTable::create(directory), Error);
    }
    CHECK_THROWS_AS((void)JobTable::create({{std::string(256, 'a')}, {{0, 0, "x"}}}), Error);
    const UniqueFd other = create_memfd("other", 4096);
    CHECK_THROWS_AS((void)JobTable(other.get()), Error);
    const UniqueFd tiny = create_memfd("tiny", 1);
    CHECK_THROWS_AS((void)JobTable(tiny.get()), Error);
}

TEST_CASE("job table: what is read is a tree, whoever wrote the table") {
    JobDirectory directory = three_ranks();
    const UniqueFd fd = JobTable::create(directory);
    const Mapping bytes(fd.get(), 0, memfd_bytes(fd.get()));
    for (std::size_t rank = 0; rank < 3; ++rank)
        directory.seats[rank].tree_parent = Words{3, 1, 0}[rank];
    const UniqueFd other = JobTable::create(directory);
    const auto places = places_of_parents(bytes, Mapping(other.get(), 0, memfd_bytes(other.get())));
    REQUIRE(places.size() == 3);
    const auto write = [&](const Words& parents) {
        for (std::size_t rank = 0; rank < 3; ++rank)
            std::memcpy(bytes.data() + places[rank], &parents[rank], sizeof parents[rank]);
    };
    for (const Words& parents : no_trees) {
        write(parents);
        CHECK_THROWS_AS((void)JobTable(fd.get()), Error);
    }
    write({3, 1, 0});
    CHECK(JobTable(fd.get()).tree_parents() == std::vector<int>{2, 0, -1});
}
