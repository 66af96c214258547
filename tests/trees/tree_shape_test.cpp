// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/tree_shape.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using ipcrun::shape_tree;

namespace {

int children_of(const std::vector<int>& parents, int node) {
    return static_cast<int>(std::ranges::count(parents, node));
}

// Nodes on the way to the root; -1 where there is none.
int depth_of(const std::vector<int>& parents, int node) {
    int depth = 0;
    for (; node != 0 && depth <= static_cast<int>(parents.size()); ++depth)
        node = parents[static_cast<std::size_t>(node)];
    return depth <= static_cast<int>(parents.size()) ? depth : -1;
}

}  // namespace

TEST_CASE("tree shape: node 0 is the root of all, whatever their number and hosts") {
    for (const int nodes : {1, 2, 3, 5, 8, 17, 64, 200, 3000}) {
        for (const int hosts : {1, 2, 3, 7}) {
            for (const int base : {2, 3, 8}) {
                std::vector<int> host_of;
                for (int node = 0; node < nodes; ++node) host_of.push_back(node * 5 % hosts);
                const std::vector<int> parents = shape_tree(host_of, base);
                REQUIRE(parents.size() == host_of.size());
                CHECK(parents[0] == -1);
                for (int node = 0; node < nodes; ++node) {
                    CHECK(depth_of(parents, node) >= 0);
                    CHECK(children_of(parents, node) <= base + (node == 0 ? 1 : 0));
                    if (nodes > 300 && node > 20) break;
                }
            }
        }
    }
}

TEST_CASE("tree shape: each host is entered once") {
    std::vector<int> host_of;
    for (int node = 0; node < 24; ++node) host_of.push_back(node % 4);
    const std::vector<int> parents = shape_tree(host_of, 3);
    int between = 0;
    for (std::size_t node = 1; node < host_of.size(); ++node)
        between += host_of[node] != host_of[static_cast<std::size_t>(parents[node])] ? 1 : 0;
    CHECK(between == 3);
}

TEST_CASE("tree shape: a tree of one host has few levels") {
    const std::vector<int> host_of(64, 0);
    const std::vector<int> parents = shape_tree(host_of, 2);
    for (int node = 0; node < 64; ++node) CHECK(depth_of(parents, node) <= 12);
}
