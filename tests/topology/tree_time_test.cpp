// SPDX-License-Identifier: Apache-2.0
// Trees whose times can be worked out by hand.
#include "topology/tree/tree_time.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "tests/topology/tree_support.hpp"

using namespace ipcrun::topology;
using doctest::Approx;

TEST_CASE("tree time: one member needs none") {
    const TreeTime time = time_of(tree_of({-1}), flat_costs(1, {1, 1, 1}), 8);
    CHECK(time.us == 0);
    CHECK(time.segments == 1);
}

TEST_CASE("tree time: two members are busy and wait for the latency, there and back") {
    // s = 0.5 + 100 (0.01 + 0.002 / 2) = 1.6
    const TreeTime time = time_of(tree_of({-1, 0}), flat_costs(2, {2, 0.5, 0.01}, 0.002), 100);
    CHECK(time.once_us == Approx(2 * (2 + 1.6)));
    // One message each way keeps a member busy for 0.5 + 1, and the root combines for 0.2.
    CHECK(time.period_us == Approx(1.7));
    CHECK(time.us == Approx(7.2));
}

TEST_CASE("tree time: a parent takes the values of its children one after another") {
    const Costs costs = flat_costs(4, {1, 0.5, 0});
    CHECK(time_of(tree_of({-1, 0, 0, 0}), costs, 8).once_us == Approx(2 * (1 + 3 * 0.5)));
    CHECK(time_of(tree_of({-1, 0, 1, 2}), costs, 8).once_us == Approx(2 * 3 * 1.5));
}

TEST_CASE("tree time: the order of children counts, and earliest first is the best") {
    // Member 1 has a child of its own, so its value comes later than that of member 2.
    const Costs costs = flat_costs(4, {1, 0.5, 0});
    Tree tree = tree_of({-1, 0, 0, 1});
    CHECK(time_of(tree, costs, 8).once_us == Approx(2 * 3.5));
    order_children(tree, costs, 8);
    CHECK(std::vector<int>(tree.children_of(0).begin(), tree.children_of(0).end()) ==
          std::vector<int>{2, 1});
    CHECK(time_of(tree, costs, 8).once_us == Approx(2 * 3));
}

TEST_CASE("tree time: a large message is cut where a period more costs less than the way") {
    // Of k segments: 2 R = 6 (0.01 + 1 / k), P = 2 (0.01 + 1 / k).
    const Costs costs = flat_costs(4, {0, 0.01, 1e-6});
    const TreeTime time = time_of(tree_of({-1, 0, 1, 2}), costs, 1e6);
    double least = 1e9;
    for (int k = 1; k <= segments_max; k *= 2)
        least = std::min(least, (6.0 + (k - 1) * 2.0) * (0.01 + 1.0 / k));
    CHECK(time.us == Approx(least));
    CHECK(time.segments == 16);
}

TEST_CASE("tree time: all edges of a tree that pass an uplink load it") {
    // Three members of one host hang on one of another.
    const Costs costs = group_costs(
        4, {{.begin = 0, .end = 4}, {.parent = 0, .begin = 1, .end = 4, .uplink_us_per_byte = 1}},
        {}, 0);
    CHECK(time_of(tree_of({-1, 0, 0, 0}), costs, 10).period_us == Approx(30));
    CHECK(time_of(tree_of({-1, 0, 1, 2}), costs, 10).period_us == Approx(10));
}

TEST_CASE("tree time: pairs that share an edge of a matrix load it together") {
    PairMatrix matrix{.size = 3, .costs = std::vector<LinkCost>(9)};
    matrix.edge_us_per_byte = {1, 5};
    // (0, 1) and (0, 2) have edge 0; (1, 2) has edge 1.
    matrix.path_begin = {0, 0, 1, 2, 2, 2, 3, 3, 3, 3};
    matrix.path_edges = {0, 0, 1};
    const Costs costs = group_costs(3, {{.begin = 0, .end = 3, .matrix = 0}}, {matrix}, 0);
    CHECK(time_of(tree_of({-1, 0, 0}), costs, 1).period_us == Approx(2));
    CHECK(time_of(tree_of({-1, 0, 1}), costs, 1).period_us == Approx(5));
}

TEST_CASE("tree time: a chain of a million members is no deeper than memory") {
    constexpr int members = 1'000'000;
    std::vector<int> parent(members);
    for (int member = 0; member < members; ++member)
        parent[static_cast<std::size_t>(member)] = member - 1;
    const Tree tree = tree_of(parent);
    CHECK(depth_of(tree) == members - 1);
    CHECK(time_of(tree, flat_costs(members, {1, 0, 0}), 8).once_us == Approx(2.0 * (members - 1)));
}

TEST_CASE("tree time: two trees share the bytes, and load members together") {
    const Costs costs = flat_costs(3, {0, 10, 1});
    const Tree first = tree_of({-1, 0, 0}), second = tree_of({1, -1, 1});
    const TreeTime time = time_of(first, second, costs, 2);
    // Members 0 and 1 have two edges in one tree and one in the other, of a byte each.
    CHECK(time.segments == 1);
    CHECK(time.once_us == Approx(2 * 2 * 11));
    CHECK(time.period_us == Approx(3 * 11));
}

TEST_CASE("tree: a member that is called by another name keeps its children in their order") {
    Tree tree = tree_of({-1, 0, 0, 1});
    std::swap(tree.children[0], tree.children[1]);
    const std::vector<int> names{3, 2, 1, 0};
    const Tree other = renamed(tree, names);
    CHECK(other.root == 3);
    CHECK(other.parent == std::vector<int>{2, 3, 3, -1});
    CHECK(std::vector<int>(other.children_of(3).begin(), other.children_of(3).end()) ==
          std::vector<int>{1, 2});
    CHECK(degree_of(other) == 2);
    CHECK(depth_of(other) == 2);
}
