// SPDX-License-Identifier: Apache-2.0
#include "topology/tree/tree.hpp"

#include <algorithm>

#include "base/fail.hpp"

namespace ipcrun::topology {

Tree tree_of(std::vector<int> parent) {
    Tree tree;
    const std::size_t n = parent.size();
    tree.first_child.assign(n + 1, 0);
    tree.root = -1;
    for (std::size_t v = 0; v < n; ++v) {
        if (parent[v] < 0)
            tree.root = static_cast<int>(v);
        else
            ++tree.first_child[static_cast<std::size_t>(parent[v]) + 1];
    }
    check(tree.root >= 0, "a tree has a root");
    for (std::size_t v = 0; v < n; ++v) tree.first_child[v + 1] += tree.first_child[v];
    tree.children.resize(n - 1);
    std::vector<int> next(tree.first_child);
    for (std::size_t v = 0; v < n; ++v)
        if (parent[v] >= 0)
            tree.children[static_cast<std::size_t>(next[static_cast<std::size_t>(parent[v])]++)] =
                static_cast<int>(v);
    tree.parent = std::move(parent);
    return tree;
}

int depth_of(const Tree& tree) {
    int deepest = 0;
    for (int v = 0; v < tree.size(); ++v) {
        int depth = 0;
        for (int u = v; tree.parent[static_cast<std::size_t>(u)] >= 0; ++depth)
            u = tree.parent[static_cast<std::size_t>(u)];
        deepest = std::max(deepest, depth);
    }
    return deepest;
}

}  // namespace ipcrun::topology
