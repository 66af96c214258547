// SPDX-License-Identifier: Apache-2.0
#include "topology/link/costs.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>

using namespace ipcrun::topology;

namespace {

constexpr LinkCost near{.latency_us = 0.1, .gap_us = 0.1, .us_per_byte = 1e-4};
constexpr LinkCost far{.latency_us = 1, .gap_us = 0.3, .us_per_byte = 1e-3};

/// Two hosts of three and two members, of which the second has a matrix with one common edge.
Costs two_hosts() {
    PairMatrix matrix{.size = 2, .costs = {{}, near, near, {}}};
    matrix.edge_us_per_byte = {5e-5};
    matrix.path_begin = {0, 0, 1, 1, 1};
    matrix.path_edges = {0};
    return group_costs(
        5,
        {{.begin = 0, .end = 5, .cost = far},
         {.parent = 0, .begin = 0, .end = 3, .cost = near, .uplink_us_per_byte = 1e-3},
         {.parent = 0, .begin = 3, .end = 5, .uplink_us_per_byte = 2e-3, .matrix = 0}},
        {matrix}, 1e-4);
}

/// Does this end the process by abort()?
template <typename Act>
bool aborts(Act act) {
    const pid_t child = fork();
    if (child == 0) {
        // Not to the handler of the tests, which prints.
        (void)std::signal(SIGABRT, SIG_DFL);
        (void)close(STDERR_FILENO);
        act();
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

std::vector<double> loads(const PairMatrix& matrix, int i, int j) {
    std::vector<double> result;
    for (const int edge : matrix.edges_of(i, j))
        result.push_back(matrix.edge_us_per_byte[static_cast<std::size_t>(edge)]);
    return result;
}

}  // namespace

TEST_CASE("costs: flat costs are the same for every pair") {
    const Costs costs = flat_costs(4, far, 0.5);
    CHECK(costs.size() == 4);
    CHECK(costs.reduce_us_per_byte == 0.5);
    for (int a = 0; a < 4; ++a)
        for (int b = 0; b < 4; ++b)
            if (a != b) CHECK(costs.between(a, b) == far);
}

TEST_CASE("costs: a world of one has one group") {
    const Costs costs = flat_costs(1, far);
    CHECK(costs.groups.size() == 1);
    CHECK(as_matrix(costs).size == 1);
}

TEST_CASE("costs: of two directions the dearer one counts, part by part") {
    const Costs costs = matrix_costs(2, {{}, {1, 0.2, 3}, {2, 0.1, 1}, {}}, 0);
    CHECK(costs.between(0, 1) == LinkCost{2, 0.2, 3});
    CHECK(costs.between(1, 0) == LinkCost{2, 0.2, 3});
}

TEST_CASE("costs: members are in the smallest group that has them") {
    const Costs costs = two_hosts();
    CHECK(costs.group_of == std::vector<int>{1, 1, 1, 2, 2});
    CHECK(costs.common_group(0, 2) == 1);
    CHECK(costs.common_group(2, 3) == 0);
    CHECK(costs.between(2, 3) == far);
    CHECK(costs.between(0, 1) == near);
    CHECK(costs.between(4, 3) == near);
}

TEST_CASE("costs: as a matrix, a pair loads the uplink of every group that it leaves or enters") {
    const PairMatrix matrix = as_matrix(two_hosts());
    CHECK(loads(matrix, 0, 1).empty());
    CHECK(loads(matrix, 0, 3) == std::vector<double>{1e-3, 2e-3});
    CHECK(loads(matrix, 3, 0) == std::vector<double>{1e-3, 2e-3});
}

TEST_CASE("costs: as a matrix, edges within a group stay edges") {
    const PairMatrix matrix = as_matrix(two_hosts());
    CHECK(loads(matrix, 3, 4) == std::vector<double>{5e-5});
}

TEST_CASE("costs: groups that share a matrix do not share its edges") {
    Costs costs = two_hosts();
    const Group second{.parent = 0, .begin = 5, .end = 7, .matrix = 0};
    std::vector<Group> groups = costs.groups;
    groups[0].end = 7;
    groups.push_back(second);
    const PairMatrix matrix = as_matrix(group_costs(7, groups, costs.matrices, 0));
    REQUIRE(matrix.edges_of(3, 4).size() == 1);
    REQUIRE(matrix.edges_of(5, 6).size() == 1);
    CHECK(matrix.edges_of(3, 4)[0] != matrix.edges_of(5, 6)[0]);
}

TEST_CASE("costs: a matrix of costs without edges has none") {
    const PairMatrix matrix = as_matrix(flat_costs(3, near));
    CHECK(matrix.path_begin.empty());
    CHECK(matrix.edges_of(0, 2).empty());
}

TEST_CASE("costs: as a matrix every pair costs what it did") {
    std::mt19937 random(1);
    for (int turn = 0; turn < 50; ++turn) {
        // Three levels of random widths.
        std::vector<Group> groups{{.begin = 0, .end = 0, .cost = far}};
        int members = 0;
        for (int host = 0; host < 3; ++host) {
            const auto parent = static_cast<int>(groups.size());
            groups.push_back({.parent = 0, .begin = members, .cost = {1.0 * turn, 2, 3}});
            for (int part = 0; part < 2; ++part) {
                const int width = 2 + static_cast<int>(random() % 3);
                groups.push_back({.parent = parent,
                                  .begin = members,
                                  .end = members + width,
                                  .cost = {1.0 * host, 1.0 * part, 0},
                                  .uplink_us_per_byte = 1});
                members += width;
            }
            groups[static_cast<std::size_t>(parent)].end = members;
        }
        groups[0].end = members;
        const Costs costs = group_costs(members, groups, {}, 0);
        const PairMatrix matrix = as_matrix(costs);
        for (int a = 0; a < members; ++a)
            for (int b = 0; b < members; ++b)
                if (a != b)
                    CHECK(matrix.costs[static_cast<std::size_t>(a * members + b)] ==
                          costs.between(a, b));
    }
}

TEST_CASE("costs: groups that cross are a bug") {
    CHECK(aborts([] {
        group_costs(
            6,
            {{.end = 6}, {.parent = 0, .begin = 0, .end = 4}, {.parent = 0, .begin = 3, .end = 6}},
            {}, 0);
    }));
    CHECK(aborts([] {
        group_costs(
            6,
            {{.end = 6}, {.parent = 0, .begin = 0, .end = 3}, {.parent = 1, .begin = 2, .end = 5}},
            {}, 0);
    }));
}

TEST_CASE("costs: groups of one member, or out of range, are a bug") {
    CHECK(aborts([] { group_costs(4, {{.end = 4}, {.parent = 0, .begin = 0, .end = 1}}, {}, 0); }));
    CHECK(aborts([] { group_costs(4, {{.end = 4}, {.parent = 0, .begin = 2, .end = 5}}, {}, 0); }));
    CHECK(aborts([] { group_costs(4, {{.end = 3}}, {}, 0); }));
}

TEST_CASE("costs: a matrix that does not fit its group is a bug") {
    CHECK(aborts([] { matrix_costs(3, std::vector<LinkCost>(4)); }));
    CHECK(aborts([] {
        group_costs(3, {{.end = 3, .matrix = 0}}, {{.size = 2, .costs = {{}, {}, {}, {}}}}, 0);
    }));
}
