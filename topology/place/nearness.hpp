// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How near cores, GPUs and NICs of one machine are to each other, as far as it matters for who
/// gets what. What a message costs is said by topology/link.

#include <compare>
#include <vector>

#include "topology/machine.hpp"

namespace ipcrun::topology {

/// From near to far; equal ones are interchangeable.
struct Distance {
    enum Kind { cache, numa, package, machine };
    Kind kind = machine;  ///< the smallest that core and device have in common
    double latency = 0;   ///< between their NUMA nodes, relative; 0: unknown, or the same

    auto operator<=>(const Distance&) const = default;
};

Distance distance(const Machine& machine, const Core& core, const Nearness& device);

/// That of the nearest of these cores (indices into Machine::cores).
Distance distance(const Machine& machine, const std::vector<int>& cores, const Nearness& device);

/// Between a GPU and a NIC, from near to far.
struct PciDistance {
    enum Kind { pci_switch, host_bridge, numa, package, machine };
    Kind kind = machine;
    int hops = 0;  ///< bridges between them, below a common one; 0: there is none in common

    auto operator<=>(const PciDistance&) const = default;
};

PciDistance distance(const Machine& machine, const Device& from, const Device& to);

}  // namespace ipcrun::topology
