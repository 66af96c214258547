// SPDX-License-Identifier: Apache-2.0
#include "launcher/show/explanation.hpp"

#include <doctest/doctest.h>

#include "tests/launcher/show/plans.hpp"

using namespace ipcrun::show;

TEST_CASE("show explanation: the fastest is marked, and others say how much slower they are") {
    const Plan plan = gpu_plan();
    const Overview overview = plan.overview();
    const std::string text = format_explanation(overview, overview.times[1]);
    CHECK(text.starts_with("An allreduce of 64 KiB by 8 ranks takes work-sharing: 21.4 us.\n"));
    CHECK(text.find("*  work-sharing") != std::string::npos);
    CHECK(text.find("x 2.4") != std::string::npos);
}

TEST_CASE("show explanation: what cannot be used says why") {
    const Plan plan = gpu_plan();
    const Overview overview = plan.overview();
    CHECK(format_explanation(overview, overview.times[1]).find("do not fit beside the flags") !=
          std::string::npos);
    const Plan hosts = plan_of(machine_of({}, "box", ""), 2, 4);
    const Overview many = hosts.overview();
    const TimesOfSize size{8, {{ipcrun::topology::Algorithm::tree, 4}}};
    CHECK(format_explanation(many, size).find("several hosts") != std::string::npos);
}

TEST_CASE("show explanation: doubling counts the steps of those who are more than a power of two") {
    const TimesOfSize size{8, {{ipcrun::topology::Algorithm::recursive_doubling, 4}}};
    const Plan six = plan_of(machine_of({}, "box", ""), 1, 6);
    CHECK(format_explanation(six.overview(), size).find("4 steps of 8 B each") !=
          std::string::npos);
    const Plan eight = plan_of(machine_of({}, "box", ""), 1, 8);
    CHECK(format_explanation(eight.overview(), size).find("3 steps of 8 B each") !=
          std::string::npos);
}
