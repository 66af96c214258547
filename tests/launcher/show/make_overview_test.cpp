// SPDX-License-Identifier: Apache-2.0
#include "launcher/show/make_overview.hpp"

#include <doctest/doctest.h>

#include <numeric>

#include "tests/launcher/show/plans.hpp"

using namespace ipcrun;
using namespace ipcrun::show;

namespace {

struct Made {
    explicit Made(Plan from)
        : plan(std::move(from)),
          links(plan.cluster, plan.placement, topology::default_costs()),
          overview(make_overview(plan.cluster, plan.placement, links,
                                 topology::best_tree(links.costs()))) {}
    Plan plan;
    topology::Links links;
    Overview overview;
};

Plan two_hosts() {
    return plan_of(machine_of({.packages = 2, .caches = 2, .cores = 2}, "box", ""), 2, 8);
}

}  // namespace

TEST_CASE("show overview: the tree is over ranks, and its edges have their links") {
    const Made made(two_hosts());
    const ShownTree& tree = made.overview.tree;
    REQUIRE(tree.planned.tree.size() == 16);
    for (int rank = 0; rank < 16; ++rank) {
        const int parent = tree.planned.tree.parent[rank];
        if (parent < 0) {
            CHECK(rank == tree.planned.tree.root);
        } else {
            CHECK(tree.class_to_parent[rank] == made.links.class_between(rank, parent));
            CHECK(tree.cost_to_parent[rank] == made.links.between(rank, parent).cost);
        }
    }
    CHECK(tree.degree <= 2);
}

TEST_CASE("show overview: levels have all ranks, and all edges but that of the root") {
    const Made made(two_hosts());
    std::int64_t ranks = 0, edges = 0;
    for (const TreeLevel& level : made.overview.tree.levels) {
        ranks += level.ranks;
        edges += std::accumulate(level.edges.begin(), level.edges.end(), std::int64_t{0});
    }
    CHECK(ranks == 16);
    CHECK(edges == 15);
    CHECK(made.overview.tree.depth() == topology::depth_of(made.overview.tree.planned.tree));
}

TEST_CASE("show overview: pairs are kept for few ranks, and links of the tree for some more") {
    CHECK(Made(two_hosts()).overview.pairs.size() == 256);
    const Made more(plan_of(machine_of({.cores = 17}, "box", ""), 1, 17));
    CHECK(more.overview.pairs.empty());
    CHECK(more.overview.tree.cost_to_parent.size() == 17);
    const Made many(plan_of(machine_of({.cores = 129}, "box", ""), 1, 129));
    CHECK(many.overview.tree.cost_to_parent.empty());
    CHECK(many.overview.tree.class_to_parent.size() == 129);
}

TEST_CASE("show overview: one rank has a tree of one level") {
    const Made made(plan_of(machine_of({}, "box", ""), 1, 1));
    CHECK(made.overview.tree.levels.size() == 1);
    CHECK(made.overview.classes.empty());
}

TEST_CASE("show overview: every size has a time of every algorithm that fits, fastest first") {
    const Made made(two_hosts());
    const auto times = predict_sizes(made.links.costs(), std::nullopt, usual_sizes, 2);
    REQUIRE(times.size() == usual_sizes.size());
    for (const TimesOfSize& size : times) {
        REQUIRE_FALSE(size.times.empty());
        CHECK(size.times.front().us <= size.times.back().us);
    }
}
