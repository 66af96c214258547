// SPDX-License-Identifier: Apache-2.0
// The exact algorithm against all trees of a few members, one after another.
#include <doctest/doctest.h>

#include <cstdlib>
#include <vector>

#include "tests/topology/tree_support.hpp"
#include "topology/tree/exact.hpp"

using namespace ipcrun::topology;

namespace {

/// 2 R(root) of a message that is not cut, by the definition alone; parents in `parent`.
double once_us(const std::vector<std::vector<int>>& children, int member, const Costs& costs,
               double bytes) {
    std::vector<std::pair<double, double>> arrivals;
    for (const int child : children[static_cast<std::size_t>(member)]) {
        const LinkCost cost = costs.between(child, member);
        arrivals.emplace_back(
            once_us(children, child, costs, bytes) + cost.latency_us,
            cost.gap_us + bytes * (cost.us_per_byte + costs.reduce_us_per_byte / 2));
    }
    std::sort(arrivals.begin(), arrivals.end());
    double us = 0;
    for (const auto& [arrival, busy] : arrivals) us = std::max(us, arrival) + busy;
    return us;
}

double least_ready_us(const Costs& costs, double bytes, int degree_max) {
    double least = std::numeric_limits<double>::infinity();
    for_all_trees(costs.size(), degree_max, [&](const std::vector<int>& parent) {
        std::vector<std::vector<int>> children(parent.size());
        int root = 0;
        for (int member = 0; member < costs.size(); ++member) {
            const int above = parent[static_cast<std::size_t>(member)];
            if (above < 0)
                root = member;
            else
                children[static_cast<std::size_t>(above)].push_back(member);
        }
        least = std::min(least, once_us(children, root, costs, bytes));
    });
    return least;
}

void compare_with_all(Chance& chance, int members, int matrices) {
    for (int turn = 0; turn < matrices; ++turn) {
        const Costs costs = random_costs(chance, members);
        const int degree_max = below(chance, 4);
        const double bytes = below(chance, 2) == 0 ? 8 : 20'000;
        const ExactTree found = ExactTrees(costs, degree_max).best(bytes);
        CAPTURE(members);
        CAPTURE(degree_max);
        REQUIRE(found.ready_us ==
                doctest::Approx(least_ready_us(costs, bytes, degree_max)).epsilon(1e-12));
        REQUIRE((degree_max == 0 || degree_of(found.tree) <= degree_max));
        Tree tree = found.tree;
        order_children(tree, costs, bytes);
        REQUIRE(time_of(tree, costs, bytes).once_us <= 2 * found.ready_us * (1 + 1e-12));
    }
}

}  // namespace

TEST_CASE("exact tree: no tree of all those over up to 6 members is faster") {
    Chance chance(1);
    for (int turn = 0; turn < 1000; ++turn) compare_with_all(chance, 2 + turn % 5, 1);
}

// IPCRUN_TREE_MATRICES sets how many; a thousand take 20 seconds.
TEST_CASE("exact tree: no tree of all those over 7 members is faster") {
    Chance chance(2);
    const char* wish = std::getenv("IPCRUN_TREE_MATRICES");
    compare_with_all(chance, 7, wish != nullptr ? std::atoi(wish) : 10);
}

TEST_CASE("exact tree: members that are interchangeable give what distinct ones give") {
    Chance chance(3);
    for (int turn = 0; turn < 60; ++turn) {
        const int members = 4 + turn % 6;
        // Two kinds of members, and hosts of two.
        std::vector<Group> groups{{.begin = 0, .end = members, .cost = random_cost(chance)}};
        const int half = turn % 2 == 0 ? members / 2 : 2;
        groups.push_back({.parent = 0, .begin = 0, .end = half, .cost = random_cost(chance)});
        if (members - half >= 2)
            groups.push_back(
                {.parent = 0, .begin = half, .end = members, .cost = random_cost(chance)});
        const Costs costs = group_costs(members, groups, {}, 0);
        MemberClasses distinct;
        for (int a = 0; a < members; ++a) {
            distinct.class_of.push_back(a);
            distinct.members.push_back({a});
            for (int b = 0; b < members; ++b)
                distinct.costs.push_back(a == b ? LinkCost{} : costs.between(a, b));
        }
        const auto classes = classes_of(costs, members);
        REQUIRE(classes);
        REQUIRE(classes->size() < members);
        for (const int degree_max : {0, 1, 2, 3}) {
            CAPTURE(degree_max);
            const double merged = ExactTrees(costs, degree_max).best(8).ready_us;
            CHECK(merged == doctest::Approx(exact_class_tree(distinct, 0, 8, degree_max).ready_us));
        }
    }
}

TEST_CASE("exact tree: identical members give the same by either algorithm") {
    for (const int members : {1, 2, 3, 7, 16, 33}) {
        MemberClasses classes;
        classes.members.emplace_back();
        for (int member = 0; member < members; ++member) {
            classes.class_of.push_back(0);
            classes.members[0].push_back(member);
        }
        classes.costs.push_back({1.3, 0.4, 0});
        for (const int degree_max : {0, 1, 2, 3, 5}) {
            const ExactTree even = exact_even_tree(members, 1.3, 0.4, degree_max);
            CHECK(even.ready_us ==
                  doctest::Approx(exact_class_tree(classes, 0, 8, degree_max).ready_us));
            CHECK((degree_max == 0 || degree_of(even.tree) <= degree_max));
        }
    }
}

TEST_CASE("exact tree: without latency all members of 2^k are served in k rounds") {
    CHECK(exact_even_tree(1024, 0, 1, 0).ready_us == doctest::Approx(10));
}

TEST_CASE("exact tree: two packages of 64 alike and a thousand alike are affordable") {
    const Costs packages =
        group_costs(128,
                    {{.begin = 0, .end = 128, .cost = {0.4, 0.1, 1e-4}},
                     {.parent = 0, .begin = 0, .end = 64, .cost = {0.1, 0.05, 1e-4}},
                     {.parent = 0, .begin = 64, .end = 128, .cost = {0.1, 0.05, 1e-4}}},
                    {}, 0);
    CHECK(ExactTrees(packages, 2).affordable());
    CHECK(ExactTrees(flat_costs(1000, {1, 1, 0}), 2).affordable());
    Chance chance(4);
    CHECK(ExactTrees(random_matrix(chance, 12), 2).affordable());
    CHECK_FALSE(ExactTrees(random_matrix(chance, 13), 2).affordable());
}
