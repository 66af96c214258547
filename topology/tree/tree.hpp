// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A rooted tree over members 0 to n - 1: values go up to the root, results back down.

#include <span>
#include <vector>

namespace ipcrun::topology {

struct Tree {
    int root = 0;
    std::vector<int> parent;  ///< by member; -1 at the root
    /// The children of v are children[first_child[v] .. first_child[v + 1]), in the order in which
    /// v takes their values; it sends results to them in the opposite order.
    std::vector<int> first_child, children;

    int size() const { return static_cast<int>(parent.size()); }
    std::span<const int> children_of(int member) const {
        const auto begin = first_child.begin() + member;
        return {children.begin() + begin[0], children.begin() + begin[1]};
    }
    bool operator==(const Tree&) const = default;
};

/// Children in the order of their numbers. Aborts on what is no tree.
Tree tree_of(std::vector<int> parent);

/// The same tree with member k called names[k].
Tree renamed(const Tree& tree, std::span<const int> names);

/// Longest way from the root, in edges; most children of a member.
int depth_of(const Tree& tree);
int degree_of(const Tree& tree);

}  // namespace ipcrun::topology
