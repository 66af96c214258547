// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What to measure on a machine: which cores stand for each class of link.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "topology/link/link.hpp"
#include "topology/machine.hpp"
#include "topology/place/mapping.hpp"

namespace ipcrun::topology {

/// Two ranks whose link is to be measured, written "l3:0-1".
struct PairToMeasure {
    LinkClass link_class = LinkClass::self;
    int a = 0, b = 0;  ///< ranks, a < b

    bool operator==(const PairToMeasure&) const = default;
};

std::string format_pair(const PairToMeasure& pair);
std::optional<PairToMeasure> parse_pair(std::string_view text);

struct Measurement {
    std::vector<int> core_of_rank;     ///< index into Machine::cores
    std::vector<PairToMeasure> pairs;  ///< the nearest class first

    bool operator==(const Measurement&) const = default;
};

/// For each class of links between CPUs that the machine has, the first pair of cores along it and
/// the last, so that an odd one does not stand for all. Ranks 0 and 1 share a core.
Measurement pairs_to_measure(const Machine& machine);

/// Binds the ranks of a measurement to their cores: lines for Mapping::rankfile.
std::vector<RankLine> rankfile_of(const Measurement& measurement, const Machine& machine);

}  // namespace ipcrun::topology
