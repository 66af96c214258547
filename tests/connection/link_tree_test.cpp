// SPDX-License-Identifier: Apache-2.0
// Proves that trees work along connections of every kind.
#include "runtime/connection/link_tree.hpp"

#include <doctest/doctest.h>

#include "tests/connection/link_trees.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

// Whole numbers: their sum does not depend on the order.
void check_sum(int node, int nodes, LinkTree& tree, std::size_t count) {
    std::vector<double> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<double>(i % 1000) + node;
    const Part part{values.data(), count, Dtype::f64};
    tree.allreduce({&part, 1}, Op::sum, soon());
    const double extra = nodes * (nodes - 1) / 2.0;
    bool is_right = true;
    for (std::size_t i = 0; i < count; ++i)
        is_right = is_right && values[i] == static_cast<double>(i % 1000) * nodes + extra;
    CHECK(is_right);
}

}  // namespace

TEST_CASE("link tree: sums of up to 8 MiB along connections of every kind and shape") {
    for (const LinkChoice choice : {LinkChoice::fastest, LinkChoice::memory, LinkChoice::socket})
        for (const int nodes : {1, 2, 5})
            for (const TreeShape& shape : all_shapes(nodes))
                run_link_tree(shape, choice, [&](int node, LinkTree& tree) {
                    CHECK(tree.children().size() == shape.children_of(node).size());
                    for (const std::size_t count : {0, 1, 100'000, 1 << 20})
                        check_sum(node, nodes, tree, count);
                });
}

TEST_CASE("link tree: 64 nodes by sockets, who come at different times") {
    const TreeShape shape = random_tree(64, 11);
    run_link_tree(shape, LinkChoice::socket, [&](int node, LinkTree& tree) {
        for (int round = 0; round < 3; ++round) {
            for (int i = 0; i < (node * 7 + round) % 64; ++i) std::this_thread::yield();
            check_sum(node, 64, tree, 50'000);
        }
    });
}

TEST_CASE("link tree: the root's values come to all") {
    for (const LinkChoice choice : {LinkChoice::fastest, LinkChoice::socket})
        run_link_tree(binary(7), choice, [&](int node, LinkTree& tree) {
            for (int round = 0; round < 5; ++round) {
                std::vector<int> values(300'000, node == 0 ? round : -1);
                const Part part{values.data(), values.size(), Dtype::i32};
                tree.broadcast({&part, 1}, soon());
                CHECK(values == std::vector<int>(values.size(), round));
            }
        });
}

TEST_CASE("link tree: when the connections of a node are closed all others get an error") {
    for (const LinkChoice choice : {LinkChoice::fastest, LinkChoice::memory, LinkChoice::socket})
        for (const int lost : {0, 1, 6}) {
            std::atomic<int> errors = 0;
            std::atomic<Clock::time_point> gone = Clock::time_point();
            run_link_tree(binary(7), choice, [&](int node, LinkTree& tree) {
                check_sum(node, 7, tree, 200'000);
                if (node == lost) {
                    gone = Clock::now();
                    return;
                }
                std::vector<float> values(200'000);
                const Part part{values.data(), values.size(), Dtype::f32};
                try {
                    for (;;) tree.allreduce({&part, 1}, Op::sum, soon());
                } catch (const Error& error) {
                    INFO(node, ": ", std::string(error.what()));
                    CHECK(error.code == ErrorCode::peer_lost);
                    CHECK(Seconds(Clock::now() - gone.load()).count() < 2);
                    ++errors;
                }
            });
            CHECK(errors == 6);
        }
}
