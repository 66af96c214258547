// SPDX-License-Identifier: Apache-2.0
// Proves the structure of pictures; that they are clear is for people to see.
#include "launcher/show/picture.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "tests/launcher/show/plans.hpp"

using namespace ipcrun::show;

namespace {

/// Why `text` is no well-formed XML of elements, attributes and entities, or nullopt.
std::optional<std::string> fault_of(std::string_view text) {
    std::vector<std::string> open;
    if (text.starts_with("<?xml")) text.remove_prefix(text.find("?>") + 2);
    while (!text.empty()) {
        const std::size_t at = text.find('<');
        const std::string_view words = text.substr(0, at);
        for (std::size_t amp = words.find('&'); amp != words.npos; amp = words.find('&', amp + 1))
            if (words.find(';', amp) > amp + 6) return "a bare &";
        if (at == text.npos) break;
        text.remove_prefix(at);
        const std::size_t end = text.find('>');
        if (end == text.npos) return "an element without an end";
        const std::string element(text.substr(1, end - 1));
        text.remove_prefix(end + 1);
        if (element.find('<') != element.npos) return "< in " + element;
        if (std::ranges::count(element, '"') % 2 != 0) return "quotes in " + element;
        const std::string name = element.substr(0, element.find(' '));
        if (name.starts_with("/")) {
            if (open.empty() || open.back() != name.substr(1)) return "a stray " + element;
            open.pop_back();
        } else if (!element.ends_with("/")) {
            open.push_back(name);
        }
    }
    if (!open.empty()) return "no end of " + open.back();
    return std::nullopt;
}

int count(const std::string& text, const std::string& what) {
    int found = 0;
    for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
    return found;
}

std::vector<Plan> plans() {
    const Shape large{.packages = 24, .numa_nodes = 1, .caches = 1, .cores = 8};
    std::vector<Plan> plans = {small_plan(), gpu_plan()};
    plans.push_back(plan_of(machine_of(large, "large", ""), 1, 192));
    plans.push_back(plan_of(machine_of({}, "box", ""), 8, 4));
    plans.push_back(plan_of(machine_of({}, "box", ""), 64, 4));
    plans.push_back(plan_of(machine_of({}, "box", ""), 1, 1));
    plans.push_back(plan_of(machine_of({}, "box", ""), 1, 64));
    return plans;
}

}  // namespace

TEST_CASE("show picture: every picture is well-formed, and has only finite numbers") {
    for (const Plan& plan : plans()) {
        const std::string svg = format_svg(plan.overview());
        CHECK(fault_of(svg).value_or("") == "");
        CHECK(svg.find("nan") == std::string::npos);
        CHECK(svg.find("\"inf") == std::string::npos);
    }
}

TEST_CASE("show picture: names are escaped") {
    Plan plan = gpu_plan();
    plan.cluster.hosts[0].name = "<host> & \"co\" \x01";
    plan.cluster.machines[0].gpus[0].name = "<gpu>";
    plan.cluster.machines[0].model = "</svg>";
    plan.argv = {"<script>", "&"};
    plan.notes = {"a < b"};
    const std::string svg = format_svg(plan.overview());
    CHECK(fault_of(svg).value_or("") == "");
    CHECK(svg.find("&lt;gpu&gt;") != std::string::npos);
}

TEST_CASE("show picture: every rank has its number on its cores and in the tree") {
    const std::string svg = format_svg(gpu_plan().overview());
    for (int rank = 0; rank < 8; ++rank) {
        const std::string words = "font-weight=\"bold\" fill=\"#1f2933\">" + std::to_string(rank);
        CHECK(count(svg, words + "</text>") == 2);
    }
    CHECK(count(svg, "<circle") == 8);
    CHECK(count(svg, "<path") == 7);
}

TEST_CASE("show picture: each of few hosts is drawn, of many one of each kind") {
    CHECK(count(format_svg(plan_of(machine_of({}, "box", ""), 8, 4).overview()), ">CPU 0: rank") ==
          8);
    const std::string many = format_svg(plan_of(machine_of({}, "box", ""), 64, 4).overview());
    CHECK(count(many, ">CPU 0: rank") == 1);
    CHECK(many.find("x 64") != std::string::npos);
}

TEST_CASE("show picture: of a million ranks the levels of the tree are drawn") {
    const Plan plan = huge_plan();
    const std::string svg = format_svg(plan.overview());
    CHECK(svg.size() < 500'000);
    CHECK(count(svg, "<circle") == 0);
    CHECK(svg.find("level 19: 524,288 ranks") != std::string::npos);
}

TEST_CASE("show picture: a long chain is summed up and not drawn off the page") {
    Plan plan = plan_of(machine_of({.cores = 128}, "box", ""), 1, 128);
    plan.parent = [](int rank) { return rank - 1; };
    const std::string svg = format_svg(plan.overview());
    CHECK(count(svg, "<circle") == 0);
    CHECK(svg.find("... and 96 levels more") != std::string::npos);
}
