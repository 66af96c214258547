// SPDX-License-Identifier: Apache-2.0
#include "topology/tree/tree.hpp"

#include <algorithm>
#include <utility>

#include "base/fail.hpp"

namespace ipcrun::topology {

namespace {

// Every member once, parents before children.
std::vector<int> from_root(const Tree& tree) {
    std::vector<int> order;
    order.reserve(tree.parent.size());
    order.push_back(tree.root);
    for (std::size_t next = 0; next < order.size(); ++next) {
        const std::span<const int> children = tree.children_of(order[next]);
        order.insert(order.end(), children.begin(), children.end());
    }
    return order;
}

}  // namespace

Tree tree_of(std::vector<int> parent) {
    const int members = static_cast<int>(parent.size());
    check(members > 0, "a tree of no members");
    Tree tree;
    tree.root = -1;
    tree.first_child.assign(parent.size() + 1, 0);
    for (int member = 0; member < members; ++member) {
        check(parent[member] >= -1 && parent[member] < members, "a parent that is no member");
        if (parent[member] >= 0) {
            ++tree.first_child[parent[member] + 1];
        } else {
            check(tree.root < 0, "a tree with two roots");
            tree.root = member;
        }
    }
    check(tree.root >= 0, "a tree without a root");
    for (int member = 0; member < members; ++member)
        tree.first_child[member + 1] += tree.first_child[member];
    tree.children.resize(parent.size() - 1);
    std::vector<int> next(tree.first_child.begin(), tree.first_child.end() - 1);
    for (int member = 0; member < members; ++member)
        if (parent[member] >= 0) tree.children[next[parent[member]]++] = member;
    tree.parent = std::move(parent);
    check(from_root(tree).size() == tree.parent.size(), "a tree with a cycle");
    return tree;
}

Tree renamed(const Tree& tree, std::span<const int> names) {
    check(names.size() == tree.parent.size(), "names for another number of members");
    Tree result;
    result.root = names[tree.root];
    result.parent.resize(tree.parent.size());
    result.first_child.assign(tree.first_child.size(), 0);
    result.children.resize(tree.children.size());
    for (int member = 0; member < tree.size(); ++member) {
        const int parent = tree.parent[member];
        result.parent[names[member]] = parent < 0 ? -1 : names[parent];
        result.first_child[names[member] + 1] = static_cast<int>(tree.children_of(member).size());
    }
    for (int member = 0; member < tree.size(); ++member)
        result.first_child[member + 1] += result.first_child[member];
    for (int member = 0; member < tree.size(); ++member) {
        int next = result.first_child[names[member]];
        for (const int child : tree.children_of(member)) result.children[next++] = names[child];
    }
    return result;
}

int depth_of(const Tree& tree) {
    std::vector<int> depth(tree.parent.size(), 0);
    int deepest = 0;
    for (const int member : from_root(tree)) {
        if (member == tree.root) continue;
        depth[member] = depth[tree.parent[member]] + 1;
        deepest = std::max(deepest, depth[member]);
    }
    return deepest;
}

int degree_of(const Tree& tree) {
    int degree = 0;
    for (int member = 0; member < tree.size(); ++member)
        degree = std::max(degree, static_cast<int>(tree.children_of(member).size()));
    return degree;
}

}  // namespace ipcrun::topology
