// SPDX-License-Identifier: Apache-2.0
// ipcrun-measure-links: measures the links of a machine, as a job of its own, whose ranks are bound
// to the cores that topology/link/measurement names. Pairs are measured one after another, so that
// they do not disturb each other; rank 0 writes the file and prints a table.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "measure/links.hpp"
#include "topology/link/measured.hpp"
#include "topology/link/measurement.hpp"

using namespace ipcrun;
using namespace ipcrun::topology;

namespace {

struct Wish {
    std::string path;
    std::uint64_t machine = 0;
    std::vector<PairToMeasure> pairs;
};

constexpr std::string_view usage =
    "usage: ipcrun -n RANKS ipcrun-measure-links FILE MACHINE CLASS:RANK-RANK ...; MACHINE is its "
    "number in 16 hexadecimal digits";

Wish parse_arguments(const std::vector<std::string>& arguments, int ranks) {
    if (arguments.size() < 3) fail(ErrorCode::usage, "{}", usage);
    Wish wish{arguments[0], 0, {}};
    const std::string& machine = arguments[1];
    const bool is_hash =
        machine.size() == 16 && machine.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!is_hash) fail(ErrorCode::usage, "'{}' is no number of a machine; {}", machine, usage);
    wish.machine = std::stoull(machine, nullptr, 16);
    for (std::size_t index = 2; index < arguments.size(); ++index) {
        const auto pair = parse_pair(arguments[index]);
        if (!pair || pair->b >= ranks)
            fail(ErrorCode::usage, "'{}' is no pair of {} ranks; {}", arguments[index], ranks,
                 usage);
        wish.pairs.push_back(*pair);
    }
    return wish;
}

/// Everybody's cost of a pair, once its members have measured it.
LinkCost measure_pair(Job& job, const PairToMeasure& pair) {
    Communicator& world = job.world();
    LinkCost cost;
    if (world.rank() == pair.a || world.rank() == pair.b)
        cost = measure::measure_link(job, pair.a, pair.b);
    std::array<double, 3> figures{cost.latency_us, cost.gap_us, cost.us_per_byte};
    const Part part{figures.data(), figures.size(), Dtype::f64};
    // The others are asleep in it meanwhile.
    world.broadcast({&part, 1}, pair.a);
    return {figures[0], figures[1], figures[2]};
}

void add(MeasuredCosts& costs, LinkClass link, const LinkCost& cost) {
    LinkCost& known = costs.table.of(link);
    if (std::find(costs.measured.begin(), costs.measured.end(), link) == costs.measured.end())
        costs.measured.push_back(link);
    known = dearer(known, cost);
}

std::string now() {
    const std::time_t seconds = std::time(nullptr);
    std::tm parts{};
    check(gmtime_r(&seconds, &parts) != nullptr, "a time that has no date");
    std::array<char, 32> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

void print_row(std::string_view link, const LinkCost& cost) {
    fmt::print("{:<16} {:>9.3f} us {:>9.3f} us {:>8.2f} GB/s\n", link, cost.latency_us, cost.gap_us,
               cost.gbytes_per_s());
}

void print(const MeasuredCosts& costs, const std::string& path) {
    fmt::print("{:<16} {:>12} {:>12} {:>13}\n", "link", "latency", "gap", "bandwidth");
    for (const LinkClass link : costs.measured) print_row(name_of(link), costs.table.of(link));
    fmt::print("{:<16} {:>39.2f} GB/s\n", "adding f32", 1e-3 / costs.table.reduce_us_per_byte);
    fmt::print("written to {}\n", path);
}

void run(Job& job, const std::vector<std::string>& arguments) {
    Communicator& world = job.world();
    const Wish wish = parse_arguments(arguments, world.size());
    MeasuredCosts costs{.machine = wish.machine, .when = now(), .measured = {}};
    for (const PairToMeasure& pair : wish.pairs)
        add(costs, pair.link_class, measure_pair(job, pair));
    std::sort(costs.measured.begin(), costs.measured.end());
    if (world.rank() == 0) {
        costs.table.reduce_us_per_byte = measure::measure_reduce_us_per_byte();
        write_measured(costs, wish.path);
        print(costs, wish.path);
    }
    world.barrier();
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const auto job = Job::join();
        run(*job, {argv + 1, argv + argc});
        return 0;
    } catch (const Error& error) {
        std::fprintf(stderr, "ipcrun-measure-links: %s\n", error.what());
        return error.code == ErrorCode::usage ? 2 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "ipcrun-measure-links: %s\n", error.what());
        return 1;
    }
}
