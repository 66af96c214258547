// SPDX-License-Identifier: Apache-2.0
// Trees for any number of members: that they are trees, and enter groups as they should.
#include <doctest/doctest.h>

#include <bit>
#include <vector>

#include "tests/topology/tree_support.hpp"
#include "topology/tree/best_tree.hpp"
#include "topology/tree/exact.hpp"
#include "topology/tree/runs.hpp"
#include "topology/tree/wave.hpp"

using namespace ipcrun::topology;

namespace {

Tree wave_tree(const Costs& costs, const WaveWish& wish) {
    Tree tree = tree_of(wave_parents(costs, wish));
    order_children(tree, costs, wish.bytes);
    return tree;
}

/// Edges of the tree that leave the group.
int crossings(const Tree& tree, const Group& group) {
    const auto inside = [&](int member) { return group.begin <= member && member < group.end; };
    int count = 0;
    for (int member = 0; member < tree.size(); ++member) {
        const int above = tree.parent[static_cast<std::size_t>(member)];
        if (above >= 0 && inside(member) != inside(above)) ++count;
    }
    return count;
}

/// `fan` units within a unit, so many times.
Costs nested(int levels, int fan) {
    int members = 1;
    for (int level = 0; level < levels; ++level) members *= fan;
    std::vector<Group> groups;
    int first = 0;
    for (int level = 0, size = members; level < levels; ++level, size /= fan) {
        const int now = static_cast<int>(groups.size());
        for (int begin = 0; begin < members; begin += size)
            groups.push_back({.parent = level == 0 ? -1 : first + begin / (size * fan),
                              .begin = begin,
                              .end = begin + size,
                              .cost = {1.0 / (level + 1), 0.2, 1e-5}});
        first = now;
    }
    return group_costs(members, groups, {}, 0);
}

}  // namespace

TEST_CASE("wave: any nesting of groups gives a tree of the degree that is asked for") {
    Chance chance(21);
    for (int turn = 0; turn < 500; ++turn) {
        const int members = 1 + below(chance, turn % 20 == 0 ? 2000 : 60);
        const Costs costs = random_groups(chance, members, 1 + below(chance, 8));
        for (const int degree_max : {0, 1, 2, 3}) {
            const Tree tree =
                wave_tree(costs, {.bytes = 8,
                                  .degree_max = degree_max,
                                  .root = below(chance, members),
                                  .eagerness = std::vector<double>{0, 0.1, 0.5, 1, 1e9}[turn % 5],
                                  .helps = turn % 2 == 0});
            REQUIRE(tree.size() == members);
            REQUIRE((degree_max == 0 || degree_of(tree) <= degree_max));
        }
    }
}

TEST_CASE("wave: without help each group is entered once") {
    const Costs costs = nested(4, 3);
    const Tree tree = wave_tree(costs, {.helps = false});
    int edges = 0;
    for (const Group& group : costs.groups) {
        if (group.parent != 0) continue;
        edges += crossings(tree, group);
    }
    CHECK(edges == 2 * 2);
}

// Else all that the members of a switch send outside goes to the first members elsewhere, and where
// routes follow destinations through one link.
TEST_CASE("wave: large messages enter a group where their sender stands in its own") {
    constexpr int hosts = 64, members_of_host = 16;
    std::vector<Group> groups{
        {.begin = 0, .end = hosts * members_of_host, .cost = {1.4, 0.35, 8e-5}}};
    for (int begin = 0; begin < hosts * members_of_host; begin += members_of_host)
        groups.push_back({.parent = 0,
                          .begin = begin,
                          .end = begin + members_of_host,
                          .cost = {0.7, 0.35, 8e-5}});
    const Costs costs = group_costs(hosts * members_of_host, groups, {}, 0);
    for (const bool helps : {false, true}) {
        const Tree tree = wave_tree(costs, {.bytes = 4096, .eagerness = 0, .helps = helps});
        int outside = 0, opposite = 0;
        for (int member = 0; member < tree.size(); ++member) {
            const int above = tree.parent[static_cast<std::size_t>(member)];
            if (above < 0 || above / members_of_host == member / members_of_host) continue;
            ++outside;
            if (above % members_of_host == member % members_of_host) ++opposite;
        }
        CHECK(outside >= hosts - 1);
        // Who helps goes elsewhere where its counterpart has been served.
        CHECK(opposite * 10 >= outside * (helps ? 5 : 10));
    }
}

TEST_CASE("wave: two children a member do for ten levels of groups") {
    const Costs costs = nested(10, 2);
    CHECK(degree_of(wave_tree(costs, {.degree_max = 2})) == 2);
}

TEST_CASE("wave: where near sends are fast, a host fills up before it sends on") {
    std::vector<Group> groups{{.begin = 0, .end = 8192, .cost = {9, 1, 0}}};
    for (int host = 0; host < 512; ++host)
        groups.push_back(
            {.parent = 0, .begin = host * 16, .end = host * 16 + 16, .cost = {0.05, 0.05, 0}});
    const Costs costs = group_costs(8192, groups, {}, 0);
    const double near_us = time_of(wave_tree(costs, {.eagerness = 0}), costs, 8).once_us;
    const double far_us = time_of(wave_tree(costs, {.eagerness = 1e9}), costs, 8).once_us;
    CHECK(near_us * 1.2 < far_us);
}

TEST_CASE("wave: of members that are alike it makes the best tree") {
    for (const int members : {2, 17, 100, 1000}) {
        const Costs costs = flat_costs(members, {1.3, 0.4, 0});
        for (const int degree_max : {0, 2, 3}) {
            const Tree tree = wave_tree(costs, {.degree_max = degree_max});
            CHECK(time_of(tree, costs, 8).once_us ==
                  doctest::Approx(2 * ExactTrees(costs, degree_max).best(8).ready_us));
        }
    }
}

TEST_CASE("runs: a path enters and leaves every group once, at any size of runs") {
    Chance chance(22);
    for (int turn = 0; turn < 50; ++turn) {
        const int members = 2 + below(chance, 300);
        const Costs costs = random_groups(chance, members, 5);
        const Tree path = position_path(costs, 2);
        for (const Group& group : costs.groups) CHECK(crossings(path, group) <= 2);
        for (const int run_max : {1, 4, 30, members})
            CHECK(degree_of(runs_tree(costs, run_max)) <= 2);
    }
}

TEST_CASE("two trees: nobody has children in both, for any number of members") {
    for (int members = 2; members < 300; ++members) {
        const PlannedTwoTree plan = best_two_tree(flat_costs(members, {1, 0.3, 1e-4}), 1e5);
        REQUIRE(degree_of(plan.first) <= 2);
        REQUIRE(degree_of(plan.second) <= 2);
        for (int member = 0; member < members; ++member)
            REQUIRE((plan.first.children_of(member).empty() ||
                     plan.second.children_of(member).empty()));
        REQUIRE(depth_of(plan.first) <= std::bit_width(static_cast<unsigned>(members)));
        REQUIRE(depth_of(plan.second) <= std::bit_width(static_cast<unsigned>(members)));
    }
}

TEST_CASE("two trees: a large message takes less than by one tree") {
    const Costs costs = flat_costs(256, {1, 0.3, 1e-4});
    CHECK(best_two_tree(costs, 1.6e7).time.us < best_tree(costs, {.bytes = 1.6e7}).time.us * 1.05);
}

TEST_CASE("wave: places for children are counted beyond two billion") {
    const Costs costs = nested(3, 12);
    for (const double eagerness : {0.0, 0.125, 1e9}) {
        const WaveWish many{.degree_max = 100'000, .eagerness = eagerness};
        const WaveWish more{.degree_max = 10'000'000, .eagerness = eagerness};
        CHECK(wave_parents(costs, more) == wave_parents(costs, many));
    }
}
