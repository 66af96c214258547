// SPDX-License-Identifier: Apache-2.0
// Proves that all nodes of a tree end with an error when one cannot go on.
#include <doctest/doctest.h>

#include <chrono>

#include "tests/connection/tree_nodes.hpp"

using namespace ipcrun;
using namespace ipcrun::test;
using namespace std::chrono_literals;

namespace {

struct Outcome {
    ErrorCode code = ErrorCode::internal;
    std::string text;
    std::optional<int> rank;
    Clock::time_point end;
};

Outcome outcome_of(const std::function<void()>& call) {
    Outcome outcome;
    try {
        call();
    } catch (const Error& error) {
        outcome.code = error.code;
        outcome.text = error.what();
        outcome.rank = error.rank;
    }
    outcome.end = Clock::now();
    return outcome;
}

void allreduce(TreeNode& tree, std::size_t count, Deadline deadline = Deadline::never()) {
    std::vector<float> values(count, 1);
    const Part part{values.data(), count, Dtype::f32};
    tree.run(Collective::allreduce({&part, 1}, Op::sum), deadline);
}

}  // namespace

TEST_CASE("tree of links: when a node goes, all others end with an error that says so") {
    for (const TreeShape& shape : all_shapes(7))
        for (int lost = 0; lost < 7; ++lost)
            for (const std::size_t capacity : {0, 1 << 12}) {
                std::vector<Outcome> outcomes(shape.size());
                Clock::time_point gone;
                run_tree(shape, {.capacity = capacity}, [&](int node, TreeNode& tree) {
                    allreduce(tree, 10000);
                    if (node == lost) {
                        gone = Clock::now();
                        return;
                    }
                    outcomes[static_cast<std::size_t>(node)] = outcome_of([&] {
                        for (;;) allreduce(tree, 10000);
                    });
                    CHECK(outcome_of([&] { allreduce(tree, 1); }).text ==
                          outcomes[static_cast<std::size_t>(node)].text);
                });
                for (int node = 0; node < 7; ++node) {
                    if (node == lost) continue;
                    const Outcome& outcome = outcomes[static_cast<std::size_t>(node)];
                    INFO(shape.name, ", lost ", lost, ", node ", node, ": ", outcome.text);
                    CHECK(outcome.code == ErrorCode::peer_lost);
                    CHECK(outcome.rank.value_or(-1) == lost);
                    CHECK(Seconds(outcome.end - gone).count() < 2);
                    CHECK(outcome.text.find("the peer has closed the link") != std::string::npos);
                }
            }
}

TEST_CASE("tree of links: different calls of neighbours are a mismatch on all nodes") {
    const TreeShape shape = binary(7);
    for (int odd = 0; odd < 7; ++odd) {
        std::vector<Outcome> outcomes(shape.size());
        run_tree(shape, {}, [&](int node, TreeNode& tree) {
            outcomes[static_cast<std::size_t>(node)] = outcome_of([&] {
                allreduce(tree, node == odd ? 50 : 40);
                allreduce(tree, 1);
            });
        });
        int naming = 0;
        for (const Outcome& outcome : outcomes) {
            CHECK(outcome.code == ErrorCode::mismatch);
            CHECK_FALSE(outcome.rank.has_value());  // two differ: which one is wrong nobody knows
            naming += outcome.text.find("50 f32") != std::string::npos;
        }
        CHECK(naming == 7);
    }
}

TEST_CASE("tree of links: a mismatch leaves the memory of who finds it untouched") {
    run_tree(star(4), {}, [&](int node, TreeNode& tree) {
        float values[2] = {1, 2};
        const Part part{values, node == 2 ? std::size_t(1) : std::size_t(2), Dtype::f32};
        const Outcome outcome = outcome_of([&] {
            tree.run(Collective::allreduce({&part, 1}, Op::sum), Deadline::never());
        });
        CHECK(outcome.code == ErrorCode::mismatch);
        CHECK(values[0] == 1);
        CHECK(values[1] == 2);
    });
}

TEST_CASE("tree of links: a broadcast that meets an allreduce is a mismatch, not a wrong result") {
    std::vector<Outcome> outcomes(4);
    run_tree(chain(4), {}, [&](int node, TreeNode& tree) {
        outcomes[static_cast<std::size_t>(node)] = outcome_of([&] {
            float value = 1;
            const Part part{&value, 1, Dtype::f32};
            if (node == 0) tree.run(Collective::broadcast({&part, 1}, 0), Deadline::never());
            allreduce(tree, 1);
            allreduce(tree, 1);
        });
    });
    for (const Outcome& outcome : outcomes) CHECK(outcome.code == ErrorCode::mismatch);
}

TEST_CASE("tree of links: a deadline of one node is a timeout on all") {
    const TreeShape shape = binary(7);
    std::vector<Outcome> outcomes(shape.size());
    std::atomic<int> through = 0;
    run_tree(shape, {}, [&](int node, TreeNode& tree) {
        // The one that node 2 waits for first comes when the others have given up.
        while (node == 5 && through.load() < 5) std::this_thread::yield();
        outcomes[static_cast<std::size_t>(node)] = outcome_of(
            [&] { allreduce(tree, 10, node == 2 ? Deadline::after(20ms) : Deadline::never()); });
        ++through;
    });
    for (const Outcome& outcome : outcomes) {
        CHECK(outcome.code == ErrorCode::timeout);
        CHECK(outcome.rank.value_or(-1) == 5);
        CHECK(outcome.text.find("node 5") != std::string::npos);
    }
}

TEST_CASE("tree of links: a node that others waited for in vain names the one that it waits for") {
    const TreeShape shape = chain(3);
    std::vector<Outcome> outcomes(shape.size());
    std::atomic<int> through = 0;
    run_tree(shape, {}, [&](int node, TreeNode& tree) {
        while (node == 2 && through.load() < 2) std::this_thread::yield();
        outcomes[static_cast<std::size_t>(node)] = outcome_of(
            [&] { allreduce(tree, 10, node == 0 ? Deadline::after(20ms) : Deadline::never()); });
        ++through;
    });
    CHECK(outcomes[0].rank.value_or(-1) == 1);  // which is as far as it sees
    for (const std::size_t node : {1, 2}) {
        CHECK(outcomes[node].code == ErrorCode::timeout);
        CHECK(outcomes[node].rank.value_or(-1) == 2);
        CHECK(outcomes[node].text.find("node 1 was waiting for node 2") != std::string::npos);
    }
}

TEST_CASE("tree of links: what the system refuses to one node is the loss of that node to others") {
    for (const bool is_relayed : {false, true}) {
        auto [own, theirs] = QueueLink::create(LinkKind::socket, 1 << 12);
        std::vector<TreeNode::Neighbour> children;
        children.push_back({std::move(own), "node 4", 4});
        TreeNode tree({}, std::move(children), 9, 16, 4096, {});
        const TreeAbort abort{ErrorCode::system, is_relayed, "not enough memory",
                              is_relayed ? 7 : -1};
        theirs->send(encode(abort), {}, 16, Deadline::after(1s));
        const Outcome outcome = outcome_of([&] { allreduce(tree, 1, Deadline::after(1s)); });
        CHECK(outcome.code == ErrorCode::peer_lost);
        CHECK(outcome.rank.value_or(-1) == (is_relayed ? 7 : 4));
        // Those that hear of it next are told whom it is about.
        const auto arrival = theirs->wait(16, Deadline::after(1s));
        REQUIRE(arrival.has_value());
        const auto told = std::get<TreeAbort>(decode_tree_note(arrival->note));
        CHECK(told.node == (is_relayed ? 7 : 4));
        CHECK(told.is_relayed);
    }
}
