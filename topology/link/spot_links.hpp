// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Links between the CPUs of two ranks of one host: by what their spots have in common.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "topology/link/nesting.hpp"
#include "topology/place/placement.hpp"

namespace ipcrun::topology {

/// What two ranks of one host have in common that is nearest; `machine` where it is nothing. A NUMA
/// node counts within one package only.
LinkClass class_of(const Spot& a, const Spot& b);

/// The same spot with what everybody on this machine has in common, bound or not: its only package,
/// its only L3.
Spot filled(const Machine& machine, Spot spot);

/// Groups ranks by their spots. With a machine, NUMA nodes that are at one distance from each other
/// are grouped too, and the latency between nodes grows with their distance. nullptr: nothing is
/// known but the spots.
Nesting nest_spots(std::span<const Spot> spots, const CostTable& table, const Machine* machine);

/// The ports on the way between two ranks of one host, by name: "numa 0 port", "package 1 port".
std::vector<std::string> ports_between(const Machine& machine, const Spot& a, const Spot& b);

/// What the link between two packages carries, each direction, by the processors' model; never 0.
double interconnect_gbytes_per_s(std::string_view model);

}  // namespace ipcrun::topology
