// SPDX-License-Identifier: Apache-2.0
#include "launcher/show/json.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "tests/launcher/show/plans.hpp"

using namespace ipcrun::show;
using Json = nlohmann::json;

TEST_CASE("show json: the text is one object with the documented keys") {
    const Json plan = Json::parse(format_json(gpu_plan().overview()));
    for (const char* key : {"version", "truncated", "argv", "settings", "source", "notes", "ranks",
                            "hosts", "machines", "switches", "host_list", "rank_list",
                            "link_classes", "pairs", "tree", "predictions"}) {
        CAPTURE(key);
        CHECK(plan.contains(key));
    }
    CHECK(plan["version"] == 1);
    CHECK(plan["ranks"] == 8);
    CHECK(plan["settings"]["map-by"] == "auto");
}

TEST_CASE("show json: ranks and tree say what the plan says") {
    const Json plan = Json::parse(format_json(gpu_plan().overview()));
    const Json& rank = plan["rank_list"][3];
    CHECK(rank["cpus"] == "12-15,44-47");
    CHECK(rank["numa_node"] == 1);
    CHECK(rank["gpu"] == 1);
    CHECK(plan["machines"][0]["gpus"][1]["name"] == "nvml1");
    CHECK(plan["tree"]["parents"] == Json({-1, 0, 0, 1, 1, 2, 2, 3}));
    CHECK(plan["tree"]["links"][0].is_null());
    CHECK(plan["tree"]["links"][2] == "nvlink");
    CHECK(plan["pairs"][0][0].is_null());
    CHECK(plan["pairs"][0][1]["class"] == "numa");
    CHECK(plan["predictions"][0]["algorithms"][0]["algorithm"] == "flags");
}

TEST_CASE("show json: what is unknown or not finite is null") {
    const Plan made = small_plan();
    Overview overview = made.overview();
    overview.tree.planned.time.us = std::numeric_limits<double>::infinity();
    overview.tree.planned.bound_us = std::numeric_limits<double>::quiet_NaN();
    const Json plan = Json::parse(format_json(overview));
    CHECK(plan["tree"]["us"].is_null());
    CHECK(plan["tree"]["bound_us"].is_null());
    CHECK(plan["machines"][0]["cpu_quota"].is_null());
    CHECK(plan["rank_list"][0]["gpu"].is_null());
}

TEST_CASE("show json: names that are not UTF-8 still make valid JSON") {
    Plan plan = small_plan();
    plan.cluster.hosts[0].name = "a\xff\"\n";
    plan.argv = {"\xc3"};
    CHECK(Json::accept(format_json(plan.overview())));
}

TEST_CASE("show json: a million ranks are cut to the first, and this is said") {
    const Plan made = huge_plan();
    const std::string text = format_json(made.overview());
    CHECK(text.size() < 40'000'000);
    const Json plan = Json::parse(text);
    CHECK(plan["truncated"] == true);
    CHECK(plan["ranks"] == 1048576);
    CHECK(plan["rank_list"].size() == json_ranks_max);
    CHECK(plan["tree"]["parents"].size() == json_ranks_max);
    CHECK(plan["host_list"].size() == 8192);
    CHECK(plan["pairs"].is_null());
}
