// SPDX-License-Identifier: Apache-2.0
// Proves that predicted times follow from the costs, and that their order is that of what has been
// measured.
#include "topology/choice/choice.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "topology/choice/message_times.hpp"
#include "topology/choice/shared_times.hpp"
#include "topology/tree/tree_time.hpp"

using namespace ipcrun::topology;

namespace {

constexpr LinkCost near{.latency_us = 1, .gap_us = 0.5, .us_per_byte = 0.001};
constexpr LinkCost far{.latency_us = 10, .gap_us = 1, .us_per_byte = 0.002};
constexpr double reduce_cost = 0.0005;

// Hosts of four members each; a byte takes `uplink` on the way into or out of one.
Costs hosts(int count, double uplink) {
    std::vector<Group> groups{{.begin = 0, .end = 4 * count, .cost = far}};
    for (int i = 0; i < count; ++i)
        groups.push_back({.parent = 0,
                          .begin = 4 * i,
                          .end = 4 * i + 4,
                          .cost = near,
                          .uplink_us_per_byte = uplink});
    return group_costs(4 * count, groups, {}, reduce_cost);
}

double step(const LinkCost& link, double bytes, double reduce = reduce_cost) {
    return link.latency_us + link.gap_us + bytes * (link.us_per_byte + reduce);
}

double us_of(const std::vector<Prediction>& all, Algorithm algorithm) {
    for (const Prediction& one : all)
        if (one.algorithm == algorithm) return one.us;
    return -1;
}

bool is(double value, double wanted) {
    return std::abs(value - wanted) < 1e-9 * wanted;
}

}  // namespace

TEST_CASE("choice: names of algorithms can be read back, and others cannot") {
    for (int i = 0; i < algorithms; ++i) {
        const auto algorithm = static_cast<Algorithm>(i);
        CHECK(parse_algorithm(name_of(algorithm)) == algorithm);
    }
    CHECK(parse_algorithm("trees") == std::nullopt);
}

TEST_CASE("choice: a piece goes around a ring as fast as each of its links lets it pass") {
    CHECK(is(ring_us(flat_costs(5, near, reduce_cost), 5000),
             4 * step(near, 1000) + 4 * step(near, 1000, 0)));
    const double half = reduce_cost / 2;
    const double around = 6 * step(near, 1000, half) + 2 * step(far, 1000, half);
    CHECK(is(ring_us(hosts(2, 0), 8000), 14 * around / 8));
}

TEST_CASE("choice: a ring passes the uplink of each host once in each direction") {
    // Of 0.1 us a byte, which no link of a pair takes.
    CHECK(is(ring_us(hosts(2, 0.1), 8000), 14 * 1000 * 0.1));
}

TEST_CASE("choice: recursive doubling takes each step at the pace of its dearest pair") {
    CHECK(is(recursive_doubling_us(flat_costs(8, near, reduce_cost), 1000), 3 * step(near, 1000)));
    CHECK(is(recursive_doubling_us(hosts(2, 0), 1000), 2 * step(near, 1000) + step(far, 1000)));
}

TEST_CASE("choice: recursive doubling brings all members of a host onto its uplink at once") {
    CHECK(is(recursive_doubling_us(hosts(2, 0.1), 1000),
             2 * step(near, 1000) + far.latency_us + 4 * 1000 * 0.1));
}

TEST_CASE("choice: members beyond a power of two cost recursive doubling two more steps") {
    const double four = recursive_doubling_us(flat_costs(4, near, reduce_cost), 1000);
    for (const int members : {5, 6, 7})
        CHECK(is(recursive_doubling_us(flat_costs(members, near, reduce_cost), 1000),
                 four + step(near, 1000) + step(near, 1000, 0)));
}

TEST_CASE("choice: pairs whose paths have an edge in common share it") {
    // Two pairs of GPUs, say, and all ways between them over one bridge.
    PairMatrix matrix{.size = 4, .costs = std::vector<LinkCost>(16, near)};
    matrix.edge_us_per_byte = {0.1};
    matrix.path_begin = {0};
    for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j) {
            if (i < 2 && j >= 2) matrix.path_edges.push_back(0);
            matrix.path_begin.push_back(static_cast<int>(matrix.path_edges.size()));
        }
    const Costs costs =
        group_costs(4, {{.begin = 0, .end = 4, .matrix = 0}}, {matrix}, reduce_cost);
    // Once in each direction by the ring; by two pairs at the same time in the second step.
    CHECK(is(ring_us(costs, 4000), 6 * 1000 * 0.1));
    CHECK(is(recursive_doubling_us(costs, 1000),
             step(near, 1000) + near.latency_us + 2 * 1000 * 0.1));
}

TEST_CASE("choice: shared memory is for one host, flags for what fits beside them") {
    const Costs costs = flat_costs(4, near, reduce_cost);
    const SharedMemoryCosts shared = default_shared_memory_costs();
    const auto small = predict_allreduce(costs, shared, 1064);
    const auto large = predict_allreduce(costs, shared, 1065);
    const auto remote = predict_allreduce(costs, std::nullopt, 8);
    CHECK(us_of(small, Algorithm::flags) > 0);
    CHECK(us_of(small, Algorithm::work_sharing) < 0);
    CHECK(us_of(large, Algorithm::flags) < 0);
    CHECK(us_of(large, Algorithm::work_sharing) > 0);
    CHECK(us_of(remote, Algorithm::flags) < 0);
    CHECK(us_of(remote, Algorithm::work_sharing) < 0);
    CHECK(remote.size() == 4);
    for (const auto& all : {small, large, remote})
        CHECK(std::ranges::is_sorted(all, {}, &Prediction::us));
}

TEST_CASE("choice: a single member has something to take, too") {
    CHECK(predict_allreduce(flat_costs(1, near), std::nullopt, 8).size() == 1);
    CHECK(predict_allreduce(flat_costs(1, near), default_shared_memory_costs(), 8).size() == 1);
}

TEST_CASE("choice: fewer CPUs than members make everything dearer, long rings most of all") {
    const Costs costs = flat_costs(8, near, reduce_cost);
    SharedMemoryCosts shared = default_shared_memory_costs();
    shared.cpus = 8;
    const auto roomy = predict_allreduce(costs, shared, 64);
    CHECK(is(us_of(roomy, Algorithm::ring), ring_us(costs, 64)));
    shared.cpus = 2;
    const auto crowded = predict_allreduce(costs, shared, 64);
    for (const Prediction& one : roomy) CHECK(us_of(crowded, one.algorithm) > one.us);
    CHECK(crowded.back().algorithm == Algorithm::ring);
}

TEST_CASE("choice: across hosts small values take few steps, large ones all links evenly") {
    const Costs costs = hosts(4, 0);
    const auto small = predict_allreduce(costs, std::nullopt, 8);
    const auto large = predict_allreduce(costs, std::nullopt, 1e9);
    CHECK(small.back().algorithm == Algorithm::ring);
    CHECK(us_of(large, Algorithm::ring) < us_of(large, Algorithm::recursive_doubling));
}

TEST_CASE("choice: whole messages along a tree take what the definition of a tree's time says") {
    // 0 has 1 and 2, 1 has 3: R(1) = s, R(0) serves 2 while 3's value is on its way.
    const Costs costs = flat_costs(4, near, reduce_cost);
    Tree tree = tree_of({-1, 0, 0, 1});
    order_children(tree, costs, 1000);
    const double s = near.gap_us + 1000 * (near.us_per_byte + reduce_cost / 2);
    const double ready_of_1 = near.latency_us + s;
    CHECK(is(whole_messages_us(tree, costs, 1000), 2 * (ready_of_1 + near.latency_us + s)));
    CHECK(is(whole_messages_us(tree, costs, 8), time_of(tree, costs, 8).once_us));
}

TEST_CASE("choice: more bytes never take less time over shared memory") {
    SharedMemoryCosts costs = default_shared_memory_costs();
    for (const int cpus : {2, 8, 192}) {
        costs.cpus = cpus;
        for (const int members : {2, 8, 32, 96, 192}) {
            CHECK(flags_us(members, costs, 8) <= flags_us(members, costs, 1024));
            CHECK(flags_us(members, costs, 8) <= work_sharing_us(members, costs, 2048));
        }
    }
}

TEST_CASE("choice: the operation of a single member takes as long for any bytes") {
    const SharedMemoryCosts costs = default_shared_memory_costs();
    CHECK(work_sharing_us(1, costs, 1e9) == flags_us(1, costs, 8));
}
