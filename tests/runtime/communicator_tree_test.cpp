// SPDX-License-Identifier: Apache-2.0
// Proves that all members of a communicator see one and the same tree: the launcher's, or the best
// for where they are.
#include <doctest/doctest.h>

#include <mutex>

#include "base/error.hpp"
#include "tests/support/run_ranks.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

using Parents = std::vector<int>;

Parents parents_of(const Communicator& communicator) {
    Parents parents;
    for (int member = 0; member < communicator.size(); ++member)
        parents.push_back(communicator.tree_place(member).parent);
    return parents;
}

// Fails the test unless there is one root, children and parents agree and everybody leads there.
void check_tree(const Communicator& communicator) {
    const Parents parents = parents_of(communicator);
    int children = 0;
    for (int member = 0; member < communicator.size(); ++member) {
        const TreePlace place = communicator.tree_place(member);
        children += static_cast<int>(place.children.size());
        CHECK(place.children.size() <= 2);
        for (const int child : place.children)
            CHECK(parents[static_cast<std::size_t>(child)] == member);
        int steps = 0;
        for (int above = member; above >= 0 && steps <= communicator.size(); ++steps)
            above = parents[static_cast<std::size_t>(above)];
        CHECK(steps <= communicator.size());
    }
    CHECK(children == communicator.size() - 1);
}

// What the launcher writes before any rank is there.
void plan(Rank& self, const Parents& parents) {
    self.memory->control().rank(self.rank).place.tree_parent =
        static_cast<std::uint32_t>(parents[static_cast<std::size_t>(self.rank)] + 1);
    self.world.barrier();
}

}  // namespace

TEST_CASE("communicator: where nobody planned, all members compute the same tree") {
    for (const int ranks : {1, 2, 3, 5, 8}) {
        std::vector<Parents> seen(static_cast<std::size_t>(ranks));
        run_ranks({.ranks = ranks, .cpus = 2}, [&](Rank& self) {
            check_tree(self.world);
            seen[static_cast<std::size_t>(self.rank)] = parents_of(self.world);
        });
        for (const Parents& parents : seen) CHECK(parents == seen[0]);
    }
}

TEST_CASE("communicator: the tree of the world is the one that the launcher planned") {
    const Parents planned{2, 0, -1, 2, 3};
    run_ranks({.ranks = 5, .cpus = 2}, [&](Rank& self) {
        plan(self, planned);
        CHECK(parents_of(self.world) == planned);
        // The same ranks by other numbers: member k is rank 4 - k.
        const auto backwards = self.world.split(0, -self.rank);
        CHECK(parents_of(*backwards) == Parents{1, 2, -1, 4, 2});
        const auto some = self.world.split(self.rank == 2 ? 1 : 0);
        check_tree(*some);
    });
}

TEST_CASE("communicator: what is no tree of all members is not taken for a plan") {
    for (const Parents& nonsense :
         {Parents{1, 0, -1, 2}, Parents{-1, -1, 0, 1}, Parents{-1, 0, 77, 2}, Parents{3, 0, 1, 2}})
        run_ranks({.ranks = 4, .cpus = 2}, [&](Rank& self) {
            plan(self, nonsense);
            check_tree(self.world);
        });
}

TEST_CASE("communicator: a tree enters each package once, whatever the ranks' numbers are") {
    run_ranks({.ranks = 8, .cpus = 2}, [](Rank& self) {
        RankPlace& place = self.memory->control().rank(self.rank).place;
        place.package = place.numa = place.last_level_cache =
            static_cast<std::uint32_t>(self.rank % 2 + 1);
        self.world.barrier();
        const Parents parents = parents_of(self.world);
        int crossings = 0;
        for (int member = 0; member < 8; ++member) {
            const int parent = parents[static_cast<std::size_t>(member)];
            if (parent >= 0 && parent % 2 != member % 2) ++crossings;
        }
        CHECK(crossings == 1);
    });
}

TEST_CASE("communicator: there is no place in the tree for who is no member") {
    run_ranks({.ranks = 2}, [](Rank& self) {
        for (const int nobody : {-1, 2}) {
            CHECK_THROWS_AS((void)self.world.tree_place(nobody), Error);
        }
    });
}
