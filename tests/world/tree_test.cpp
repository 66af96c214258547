// SPDX-License-Identifier: Apache-2.0
// Proves which tree a communicator over hosts has, the same on all members: the launcher's, or one
// of its own.
#include <doctest/doctest.h>

#include <algorithm>

#include "base/error.hpp"
#include "tests/world/every_world.hpp"

namespace ipcrun {

using namespace world_test;

namespace {

using Members = std::vector<int>;

Members parents_of(const Communicator& communicator) {
    Members parents;
    for (int member = 0; member < communicator.size(); ++member)
        parents.push_back(communicator.tree_place(member).parent);
    return parents;
}

}  // namespace

TEST_CASE("hosts: the tree of the world is the one that the launcher planned") {
    for (HostsOptions options :
         {HostsOptions{.ranks_on = {1, 3, 1}}, HostsOptions{.ranks_on = {2, 3}, .cyclic = true}}) {
        options.parents = {2, 0, -1, 2, 3};
        run_hosts(options, [&](HostRank& self) {
            CHECK(parents_of(self.world) == options.parents);
            const auto same = self.world.split(0, self.rank, soon());
            CHECK(parents_of(*same) == options.parents);
            // The same ranks by other numbers: member k is rank 4 - k.
            const auto backwards = self.world.split(0, -self.rank, soon());
            CHECK(parents_of(*backwards) == Members{1, 2, -1, 4, 2});
        });
    }
}

TEST_CASE("hosts: a member may have many children, and hears those on its own host first") {
    const Members parents = {3, 3, 3, -1, 3, 4};
    run_hosts({.ranks_on = {3, 3}, .cyclic = true, .parents = parents}, [&](HostRank& self) {
        CHECK(parents_of(self.world) == parents);
        // Ranks 1 and 5 are on the host of rank 3, and rank 5 is below rank 4.
        CHECK(std::ranges::equal(self.world.tree_place(3).children, Members{1, 0, 2, 4}));
        CHECK(std::ranges::equal(self.world.tree_place(4).children, Members{5}));
    });
}

TEST_CASE("hosts: some of the ranks have a tree of their own, which enters each host once") {
    for (HostsOptions options : worlds()) {
        options.ranks_on.push_back(1);  // the last rank is not among them
        run_hosts(options, [&](HostRank& self) {
            const int last = self.world.size() - 1;
            const auto part = self.world.split(self.rank == last ? -1 : 0, self.rank, soon());
            if (self.rank == last) return;
            const Members parents = parents_of(*part);
            CHECK(std::ranges::count(parents, -1) == 1);
            Members entries(options.ranks_on.size());
            for (int member = 0; member < part->size(); ++member) {
                const int parent = parents[index(member)];
                CHECK(part->tree_place(member).children.size() <= 2);
                const auto host = [&](int of) {
                    return self.wires->table().host_of(part->members()[index(of)]);
                };
                if (parent < 0 || host(parent) != host(member)) ++entries[index(host(member))];
            }
            for (const int member : part->members())
                CHECK(entries[index(self.wires->table().host_of(member))] == 1);
        });
    }
}

}  // namespace ipcrun
