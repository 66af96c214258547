// SPDX-License-Identifier: Apache-2.0
// Text is compared with files byte by byte: they are to be read, and changed on purpose.
//   UPDATE_GOLDEN=1 show_test -tc='show text:*'   writes them anew
#include "launcher/show/text.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/text.hpp"
#include "launcher/show/numbers.hpp"
#include "tests/launcher/show/plans.hpp"

using namespace ipcrun;
using namespace ipcrun::show;

namespace {

/// Lines that differ, with their numbers.
std::string difference(const std::string& expected, const std::string& actual) {
    const auto before = split(expected, '\n'), after = split(actual, '\n');
    std::string text;
    for (std::size_t line = 0; line < std::max(before.size(), after.size()); ++line) {
        const std::string_view a = line < before.size() ? before[line] : "(no line)";
        const std::string_view b = line < after.size() ? after[line] : "(no line)";
        if (a == b) continue;
        text += "\n" + std::to_string(line + 1) + " - " + std::string(a);
        text += "\n" + std::to_string(line + 1) + " + " + std::string(b);
    }
    return text;
}

void check_golden(const std::string& name, const std::string& text) {
    const std::string path = std::string(GOLDEN) + "/" + name;
    if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
    std::ostringstream expected;
    expected << std::ifstream(path).rdbuf();
    INFO(path, difference(expected.str(), text));
    CHECK(expected.str() == text);
}

std::ptrdiff_t lines_of(const std::string& text) {
    return std::ranges::count(text, '\n');
}

}  // namespace

TEST_CASE("show text: four ranks on one cache, in full") {
    check_golden("small.txt", format_text(small_plan().overview()));
}

TEST_CASE("show text: eight ranks with GPUs, NICs and warnings, in full") {
    const std::string text = format_text(gpu_plan().overview());
    check_golden("gpu.txt", text);
    CHECK(lines_of(text) <= 55);
}

TEST_CASE("show text: a million ranks in full, which is one screen") {
    const Plan plan = huge_plan();
    const std::string text = format_text(plan.overview());
    check_golden("huge.txt", text);
    CHECK(lines_of(text) <= 60);
}

TEST_CASE("show text: no line is longer than asked for, whatever names are") {
    Plan plan = gpu_plan();
    plan.cluster.hosts[0].name = std::string(300, 'h');
    plan.cluster.machines[0].model = std::string(300, 'm');
    plan.argv = {std::string(500, 'a'), "b"};
    plan.notes = {std::string(200, 'n')};
    for (const int columns : {60, 80, 100}) {
        const std::string text = format_text(plan.overview(), columns);
        for (const std::string_view line : split(text, '\n')) {
            CAPTURE(line);
            CHECK(width_of(line) <= static_cast<std::size_t>(columns));
        }
    }
}

TEST_CASE("show text: names cannot write escape sequences or lines") {
    Plan plan = gpu_plan();
    plan.cluster.hosts[0].name = "evil\x1b[31m\nhost";
    plan.cluster.machines[0].gpus[0].name = "gpu\x1b";
    plan.argv = {"a\nb"};
    const std::string text = format_text(plan.overview());
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find("evil?[31m?host") != std::string::npos);
    CHECK(text.find("a?b") != std::string::npos);
}

TEST_CASE("show text: one rank has neither links nor a tree") {
    const std::string text = format_text(plan_of(machine_of({}, "box", ""), 1, 1).overview());
    CHECK(text.find("Links") == std::string::npos);
    CHECK(text.find("Tree") == std::string::npos);
}

TEST_CASE("show text: ranks of several hosts are told with their hosts") {
    const std::string text = format_text(plan_of(machine_of({}, "box", ""), 3, 4).overview());
    CHECK(text.find("node0002") != std::string::npos);
    CHECK(text.find("network-switch") != std::string::npos);
}

TEST_CASE("show text: a chain of ranks takes few lines") {
    Plan plan = plan_of(machine_of({.cores = 32}, "box", ""), 1, 32);
    plan.parent = [](int rank) { return rank - 1; };
    const std::string text = format_text(plan.overview());
    CHECK(text.find("0 - 1 - 2 - 3 - 4") != std::string::npos);
    CHECK(text.find("- 31") != std::string::npos);
}

TEST_CASE("show text: a host without ranks is said to have none") {
    Plan plan = plan_of(machine_of({.cores = 64}, "box", ""), 1, 64);
    plan.cluster.hosts.push_back({.name = "idle"});
    plan.placement.layout_of_host.push_back(-1);
    plan.placement.first_of_host.push_back(64);
    CHECK(format_text(plan.overview()).find("idle: no ranks") != std::string::npos);
}
