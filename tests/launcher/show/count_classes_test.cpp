// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <map>

#include "launcher/show/make_overview.hpp"
#include "tests/launcher/show/plans.hpp"

using namespace ipcrun;
using namespace ipcrun::show;

namespace {

std::map<topology::LinkClass, std::int64_t> one_by_one(const topology::Links& links, int ranks) {
    std::map<topology::LinkClass, std::int64_t> pairs;
    for (int a = 0; a < ranks; ++a)
        for (int b = a + 1; b < ranks; ++b) ++pairs[links.class_between(a, b)];
    return pairs;
}

std::map<topology::LinkClass, std::int64_t> by_groups(const topology::Links& links) {
    std::map<topology::LinkClass, std::int64_t> pairs;
    for (const ClassOfLinks& row : count_classes(links)) pairs[row.link_class] = row.pairs;
    return pairs;
}

}  // namespace

TEST_CASE("show counts: classes counted by groups are those of all pairs") {
    const Shape processors{.packages = 2, .numa_nodes = 2, .caches = 2, .cores = 4};
    const Shape gpus{.packages = 2, .numa_nodes = 2, .caches = 1, .cores = 4, .gpus = 2};
    const std::vector<Plan> plans = {small_plan(),
                                     gpu_plan(),
                                     plan_of(machine_of(processors, "box", ""), 1, 32),
                                     plan_of(machine_of(processors, "box", ""), 40, 6),
                                     plan_of(machine_of(gpus, "box", ""), 20, 8),
                                     plan_of(machine_of({}, "box", ""), 1, 16),
                                     plan_of(machine_of({}, "box", ""), 1, 1)};
    for (const Plan& plan : plans) {
        const topology::Links links(plan.cluster, plan.placement, topology::default_costs());
        CAPTURE(plan.placement.size());
        CHECK(by_groups(links) == one_by_one(links, plan.placement.size()));
    }
}

TEST_CASE("show counts: measured pairs widen the range of their class") {
    const Plan plan = small_plan();
    constexpr double latency_us = 9, us_per_byte = 1e-3;
    const std::vector<topology::LinkOverride> measured = {{0, 3, latency_us, us_per_byte}};
    const topology::Links links(plan.cluster, plan.placement, topology::default_costs(), measured);
    const std::vector<ClassOfLinks> classes = count_classes(links);
    REQUIRE(classes.size() == 1);
    CHECK(classes[0].pairs == 6);
    CHECK(classes[0].most.latency_us == latency_us);
    CHECK(classes[0].most.us_per_byte == us_per_byte);
    CHECK(classes[0].least.latency_us < 9);
}

TEST_CASE("show counts: classes with measured pairs are told, however many ranks there are") {
    const Plan plan = plan_of(machine_of({.packages = 2, .cores = 16}, "box", ""), 1, 32);
    const std::vector<topology::LinkOverride> measured = {{0, 31, 9, 1e-3}};
    const topology::Links links(plan.cluster, plan.placement, topology::default_costs(), measured);
    const std::vector<ClassOfLinks> classes = count_classes(links);
    REQUIRE(classes.size() == 2);
    CHECK_FALSE(classes[0].measured);
    CHECK(classes[1].measured);
}
