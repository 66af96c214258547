// SPDX-License-Identifier: Apache-2.0
// Proves that reduce() is the best of its compilations that a CPU can run, this CPU too.
#include "runtime/reduce_targets.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>

#include "base/text.hpp"
#include "runtime/cpu_features.hpp"

using namespace ipcrun;

namespace {

const ReduceTarget targets[] = {
    {"avx2,fma,avx512f,avx512bw", nullptr}, {"avx2,fma", nullptr}, {"", nullptr}};

std::string_view taken_by(HasFeature* has) {
    return best_of(targets, has).features;
}

#if defined(__x86_64__)
// How the kernel names a feature of the compiler in /proc/cpuinfo.
std::string kernel_name_of(std::string_view feature) {
    if (feature == "pclmul") return "pclmulqdq";
    if (feature == "bmi") return "bmi1";
    std::string name(feature);
    std::ranges::replace(name, '.', '_');
    return name;
}

std::set<std::string, std::less<>> kernel_flags() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("flags")) {
            const auto words = split(std::string_view(line).substr(line.find(':') + 1), ' ');
            return {words.begin(), words.end()};
        }
    return {};
}
#endif

}  // namespace

TEST_CASE("reduce_targets: a CPU with all features takes the best compilation") {
    CHECK(taken_by([](std::string_view) { return true; }) == "avx2,fma,avx512f,avx512bw");
}

TEST_CASE("reduce_targets: one missing feature is enough not to take a compilation") {
    CHECK(taken_by([](std::string_view name) { return name != "avx512bw"; }) == "avx2,fma");
    CHECK(taken_by([](std::string_view name) { return name != "avx512f"; }) == "avx2,fma");
    CHECK(taken_by([](std::string_view name) { return name != "fma"; }) == "");
}

TEST_CASE("reduce_targets: a CPU without any of the features has a compilation, too") {
    const auto lacks_all = [](std::string_view) { return false; };
    CHECK(taken_by(lacks_all) == "");
    CHECK(best_of(reduce_targets(), lacks_all).features == "");
}

TEST_CASE("reduce_targets: a feature that nobody knows is one that the CPU lacks") {
    CHECK_FALSE(cpu_has("avx1024"));
    CHECK_FALSE(cpu_has(""));
}

#if defined(__x86_64__)
TEST_CASE("reduce_targets: the kernel says the same of every feature that is asked for") {
    const auto flags = kernel_flags();
    REQUIRE(flags.contains("sse2"));
    for (const ReduceTarget& target : reduce_targets()) {
        if (target.features.empty()) continue;
        for (const std::string_view feature : split(target.features, ',')) {
            CAPTURE(feature);
            CHECK(cpu_has(feature) == flags.contains(kernel_name_of(feature)));
        }
    }
}

TEST_CASE("reduce_targets: what is chosen is the best that the kernel says this CPU can do") {
    const auto flags = kernel_flags();
    const auto can = [&](const ReduceTarget& target) {
        return target.features.empty() ||
               std::ranges::all_of(split(target.features, ','), [&](std::string_view feature) {
                   return flags.contains(kernel_name_of(feature));
               });
    };
    const auto all = reduce_targets();
    const auto best = std::ranges::find_if(all, can);
    REQUIRE(best != all.end());
    CHECK((best->reduce == best_reduce()));
    // And there is something to choose from, from the widest to the narrowest.
    const auto has = [](std::string_view name) {
        return [name](const ReduceTarget& target) {
            return target.features.find(name) != std::string_view::npos;
        };
    };
    CHECK(std::ranges::any_of(all, has("avx512bw")));
    CHECK(std::ranges::is_partitioned(all, has("avx512bw")));
    CHECK(std::ranges::is_partitioned(all, has("avx2")));
}
#endif
