// SPDX-License-Identifier: Apache-2.0
// How near the portfolio comes to the best tree, and that nothing comes below the bound.
#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "tests/topology/tree_support.hpp"
#include "topology/tree/best_tree.hpp"
#include "topology/tree/exact.hpp"

using namespace ipcrun::topology;

TEST_CASE("best tree: without the exact algorithm small messages take at most a tenth longer") {
    Chance chance(11);
    double worst = 1;
    for (int turn = 0; turn < 300; ++turn) {
        const int members = 2 + turn % 11;
        const Costs costs = random_costs(chance, members);
        const int degree_max = turn % 3 == 0 ? 0 : 2;
        const double exact_us = 2 * ExactTrees(costs, degree_max).best(8).ready_us;
        const PlannedTree plan =
            best_tree(costs, {.bytes = 8, .degree_max = degree_max, .exact = false});
        CAPTURE(members);
        REQUIRE(plan.time.us <= exact_us * 1.1);
        worst = std::max(worst, plan.time.us / exact_us);
    }
    MESSAGE("the worst took " << worst << " times as long");
}

// IPCRUN_TREE_MATRICES sets how many have 7 members.
TEST_CASE("best tree: large messages take at most a tenth longer than by any tree") {
    Chance chance(12);
    double worst = 1;
    const char* wish = std::getenv("IPCRUN_TREE_MATRICES");
    const int of_seven = wish != nullptr ? std::atoi(wish) : 1;
    for (int turn = 0; turn < 40 + of_seven; ++turn) {
        const int members = turn < 40 ? 2 + turn % 5 : 7;
        const Costs costs = random_costs(chance, members);
        for (const double bytes : {65536.0, 16777216.0}) {
            const double least_us = least_time(costs, bytes, 2);
            const PlannedTree plan = best_tree(costs, {.bytes = bytes, .exact = false});
            CAPTURE(members);
            CAPTURE(bytes);
            REQUIRE(plan.time.us <= least_us * 1.1);
            worst = std::max(worst, plan.time.us / least_us);
        }
    }
    MESSAGE("the worst took " << worst << " times as long");
}

TEST_CASE("best tree: the exact algorithm proves that small messages cannot be faster") {
    Chance chance(13);
    for (int turn = 0; turn < 20; ++turn) {
        const Costs costs = random_matrix(chance, 3 + turn % 8);
        const PlannedTree plan = best_tree(costs, {.bytes = 8});
        CHECK(plan.method == "exact");
        CHECK(plan.is_optimal);
        CHECK(plan.ratio() == doctest::Approx(1));
    }
}

TEST_CASE("best tree: it says optimal only of trees that no other one beats") {
    Chance chance(14);
    for (int turn = 0; turn < 40; ++turn) {
        const Costs costs = random_costs(chance, 3 + turn % 4);
        const double bytes = turn % 2 == 0 ? 2000 : 200'000;
        const PlannedTree plan = best_tree(costs, {.bytes = bytes});
        const double least_us = least_time(costs, bytes, 2);
        CHECK(plan.bound_us <= least_us * (1 + 1e-9));
        if (plan.is_optimal) CHECK(plan.time.us <= least_us * (1 + 1e-9));
    }
}

TEST_CASE("best tree: the same costs give the same tree") {
    Chance chance(15);
    for (int turn = 0; turn < 6; ++turn) {
        const Costs costs = random_costs(chance, 5 + 20 * turn);
        const TreeWish wish{.bytes = turn % 2 == 0 ? 8.0 : 1e6};
        const PlannedTree one = best_tree(costs, wish), other = best_tree(costs, wish);
        CHECK(one.tree == other.tree);
        CHECK(one.method == other.method);
    }
}

TEST_CASE("best tree: one member and two need no search") {
    const PlannedTree alone = best_tree(flat_costs(1, {}));
    CHECK(alone.tree.size() == 1);
    CHECK(alone.is_optimal);
    CHECK(alone.ratio() == 1);
    const PlannedTree pair = best_tree(flat_costs(2, {1, 0.5, 1e-3}, 1e-4), {.bytes = 1e6});
    CHECK(pair.is_optimal);
    CHECK(pair.tree == tree_of({-1, 0}));
    CHECK(pair.time.us > 1e3);
    CHECK(pair.ratio() == doctest::Approx(1));
}

TEST_CASE("best tree: it is a tree over all members with the degree that is asked for") {
    Chance chance(18);
    for (int turn = 0; turn < 50; ++turn) {
        const int members = 1 + below(chance, turn % 10 == 0 ? 300 : 30);
        const Costs costs = random_costs(chance, members);
        const int degree_max = turn % 4;
        const double bytes = turn % 3 == 0 ? 8 : turn % 3 == 1 ? 1e4 : 1e7;
        const PlannedTree plan = best_tree(costs, {.bytes = bytes, .degree_max = degree_max});
        CAPTURE(members);
        REQUIRE(tree_of(plan.tree.parent).size() == members);
        REQUIRE((degree_max == 0 || degree_of(plan.tree) <= degree_max));
        REQUIRE(time_of(plan.tree, costs, bytes).us <= plan.time.us * (1 + 1e-9));
        REQUIRE(plan.bound_us <= plan.time.us);
        REQUIRE(!plan.method.empty());
    }
}

TEST_CASE("tree bound: no tree by chance comes below it") {
    Chance chance(16);
    for (int turn = 0; turn < 400; ++turn) {
        const int members = 2 + below(chance, turn % 10 == 0 ? 120 : 20);
        const Costs costs = random_costs(chance, members);
        const int degree_max = below(chance, 4);
        const double bytes = std::vector<double>{0, 8, 4096, 65536, 1e6, 1.6e7}[turn % 6];
        CAPTURE(members);
        CAPTURE(bytes);
        CAPTURE(degree_max);
        const double bound_us = tree_bound_us(costs, bytes, degree_max);
        for (int trial = 0; trial < 20; ++trial) {
            const Tree tree = random_tree(chance, members, degree_max);
            REQUIRE(best_order_time(tree, costs, bytes).us >= bound_us * (1 - 1e-9));
        }
    }
}

TEST_CASE("tree bound: without the exact algorithm no best tree of a few comes below it") {
    Chance chance(17);
    for (int turn = 0; turn < 40; ++turn) {
        const int members = 3 + turn % 10;
        const Costs costs = random_costs(chance, members);
        const int degree_max = turn % 3;
        for (const double bytes : {8.0, 3e4, 1e7}) {
            const PlannedTree bounded =
                best_tree(costs, {.bytes = bytes, .degree_max = degree_max, .exact = false});
            const PlannedTree plan = best_tree(costs, {.bytes = bytes, .degree_max = degree_max});
            REQUIRE(bounded.bound_us <= plan.time.us * (1 + 1e-9));
        }
    }
}

TEST_CASE("tree bound: it is a part of the time that is told for thousands of members") {
    std::vector<Group> groups{{.begin = 0, .end = 2048, .cost = {1.7, 0.35, 4e-5}}};
    for (int host = 0; host < 32; ++host)
        groups.push_back({.parent = 0,
                          .begin = host * 64,
                          .end = host * 64 + 64,
                          .cost = {0.2, 0.1, 1e-4},
                          .uplink_us_per_byte = 4e-5});
    const Costs costs = group_costs(2048, groups, {}, 1e-5);
    for (const double bytes : {8.0, 65536.0, 1.6e7}) {
        const PlannedTree plan = best_tree(costs, {.bytes = bytes});
        CHECK(plan.ratio() >= 1);
        CHECK(plan.ratio() < (bytes < 100 ? 1.5 : 2.5));
        CHECK(plan.bound_us == doctest::Approx(tree_bound_us(costs, bytes, 2)));
    }
}
