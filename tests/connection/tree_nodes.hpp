// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Trees of links whose nodes are threads of a test.

#include <exception>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "runtime/connection/tree_node.hpp"
#include "tests/support/queue_links.hpp"

namespace ipcrun::test {

/// The parent of each node, -1 for the root; and the children of each, in order.
struct TreeShape {
    std::string name;
    std::vector<int> parent;

    std::size_t size() const { return parent.size(); }
    std::vector<int> children_of(int node) const {
        std::vector<int> children;
        for (std::size_t other = 0; other < size(); ++other)
            if (parent[other] == node) children.push_back(static_cast<int>(other));
        return children;
    }
};

inline TreeShape chain(int nodes) {
    std::vector<int> parent(static_cast<std::size_t>(nodes));
    std::iota(parent.begin(), parent.end(), -1);
    return {"chain", parent};
}

inline TreeShape star(int nodes) {
    std::vector<int> parent(static_cast<std::size_t>(nodes), nodes - 1);
    parent.back() = -1;
    return {"star", parent};
}

inline TreeShape binary(int nodes) {
    std::vector<int> parent(static_cast<std::size_t>(nodes), -1);
    for (int node = 1; node < nodes; ++node)
        parent[static_cast<std::size_t>(node)] = (node - 1) / 2;
    return {"binary", parent};
}

inline TreeShape random_tree(int nodes, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<int> parent(static_cast<std::size_t>(nodes), -1);
    for (int node = 1; node < nodes; ++node)
        parent[static_cast<std::size_t>(node)] =
            static_cast<int>(random() % static_cast<unsigned>(node));
    return {"random", parent};
}

inline std::vector<TreeShape> all_shapes(int nodes) {
    return {chain(nodes), star(nodes), binary(nodes), random_tree(nodes, 7)};
}

struct LinkOptions {
    LinkKind kind = LinkKind::socket;
    std::size_t capacity = 1 << 20;
    std::size_t segment_bytes = 4096;
};

/// Runs `body(node, tree)` once a node, each in a thread of its own; the links of a node go with
/// its body. Returns what each threw.
inline std::vector<std::exception_ptr> run_tree_to_the_end(
    const TreeShape& shape, const LinkOptions& options,
    const std::function<void(int, TreeNode&)>& body) {
    std::vector<TreeNode::Neighbour> up(shape.size());
    std::vector<std::vector<TreeNode::Neighbour>> down(shape.size());
    for (std::size_t node = 0; node < shape.size(); ++node) {
        const int parent = shape.parent[node];
        if (parent < 0) continue;
        auto [below, above] = QueueLink::create(options.kind, options.capacity);
        up[node] = {std::move(below), "node " + std::to_string(parent), parent};
        down[static_cast<std::size_t>(parent)].push_back(
            {std::move(above), "node " + std::to_string(node), static_cast<int>(node)});
    }
    std::vector<std::exception_ptr> outcomes(shape.size());
    std::vector<std::thread> threads;
    for (std::size_t node = 0; node < shape.size(); ++node)
        threads.emplace_back([&, node] {
            TreeNode tree(std::move(up[node]), std::move(down[node]),
                          static_cast<int>(shape.size()), 16, options.segment_bytes,
                          {"node " + std::to_string(node), static_cast<int>(node)});
            try {
                body(static_cast<int>(node), tree);
            } catch (...) {
                outcomes[node] = std::current_exception();
            }
        });
    for (std::thread& thread : threads) thread.join();
    return outcomes;
}

inline void run_tree(const TreeShape& shape, const LinkOptions& options,
                     const std::function<void(int, TreeNode&)>& body) {
    for (const std::exception_ptr& outcome : run_tree_to_the_end(shape, options, body))
        if (outcome) std::rethrow_exception(outcome);
}

}  // namespace ipcrun::test
