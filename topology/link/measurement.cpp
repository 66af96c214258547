// SPDX-License-Identifier: Apache-2.0
#include "topology/link/measurement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "base/text.hpp"
#include "topology/link/spot_links.hpp"

namespace ipcrun::topology {

namespace {

using CorePair = std::pair<int, int>;
/// By class: those found first and last.
using Found = std::array<std::optional<std::pair<CorePair, CorePair>>, link_classes>;

Spot spot_of(const Core& core, int index) {
    return {core.package + 1, core.numa_node + 1, core.last_level_cache + 1, core.l2 + 1,
            index + 1};
}

Found find_pairs(const Machine& machine) {
    Found found;
    const auto cores = static_cast<int>(machine.cores.size());
    for (int a = 0; a < cores; ++a) {
        const Spot spot_a = spot_of(machine.cores[static_cast<std::size_t>(a)], a);
        for (int b = a + 1; b < cores; ++b) {
            const Spot spot_b = spot_of(machine.cores[static_cast<std::size_t>(b)], b);
            auto& pair = found[static_cast<std::size_t>(class_of(spot_a, spot_b))];
            pair = {pair ? pair->first : CorePair(a, b), CorePair(a, b)};
        }
    }
    return found;
}

int rank_on(Measurement& measurement, int core) {
    auto& cores = measurement.core_of_rank;
    const auto found = std::find(cores.begin(), cores.end(), core);
    if (found != cores.end()) return static_cast<int>(found - cores.begin());
    cores.push_back(core);
    return static_cast<int>(cores.size()) - 1;
}

void add(Measurement& measurement, LinkClass link, const CorePair& cores) {
    const int of_a = rank_on(measurement, cores.first);
    const int of_b = rank_on(measurement, cores.second);
    const PairToMeasure pair{link, std::min(of_a, of_b), std::max(of_a, of_b)};
    const auto& pairs = measurement.pairs;
    if (std::find(pairs.begin(), pairs.end(), pair) == pairs.end())
        measurement.pairs.push_back(pair);
}

}  // namespace

std::string format_pair(const PairToMeasure& pair) {
    return fmt::format("{}:{}-{}", name_of(pair.link_class), pair.a, pair.b);
}

std::optional<PairToMeasure> parse_pair(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto link = parse_link_class(text.substr(0, colon));
    const std::vector<std::string_view> ranks = split(text.substr(colon + 1), '-');
    if (!link || ranks.size() != 2) return std::nullopt;
    const auto a = parse_number<int>(ranks[0]);
    const auto b = parse_number<int>(ranks[1]);
    if (!a || !b || *a < 0 || *a >= *b) return std::nullopt;
    return PairToMeasure{*link, *a, *b};
}

Measurement pairs_to_measure(const Machine& machine) {
    Measurement measurement{{0, 0}, {{LinkClass::core, 0, 1}}};
    const Found found = find_pairs(machine);
    for (std::size_t link = 0; link < found.size(); ++link) {
        if (!found[link]) continue;
        add(measurement, static_cast<LinkClass>(link), found[link]->first);
        add(measurement, static_cast<LinkClass>(link), found[link]->second);
    }
    return measurement;
}

std::vector<RankLine> rankfile_of(const Measurement& measurement, const Machine& machine) {
    std::vector<RankLine> lines;
    for (const int core : measurement.core_of_rank)
        lines.push_back({static_cast<int>(lines.size()), "+n0",
                         machine.cores[static_cast<std::size_t>(core)].cpus});
    return lines;
}

}  // namespace ipcrun::topology
