// SPDX-License-Identifier: Apache-2.0
// Proves what ranks read of those on other hosts.
#include "runtime/wire/job_table.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include "base/error.hpp"

using namespace ipcrun;

namespace {

JobDirectory three_ranks() {
    return {{"a", "b"}, {{1, 1, "10.0.0.2:5"}, {0, 0, "[fd00::1]:7"}, {1, 0, ""}}};
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
    CHECK_THROWS_AS((void)JobTable::create({{std::string(256, 'a')}, {{0, 0, "x"}}}), Error);
    const UniqueFd other = create_memfd("other", 4096);
    CHECK_THROWS_AS((void)JobTable(other.get()), Error);
    const UniqueFd tiny = create_memfd("tiny", 1);
    CHECK_THROWS_AS((void)JobTable(tiny.get()), Error);
}
