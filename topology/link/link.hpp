// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Links between two ranks: of which class they are, and what a message over one costs.

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ipcrun::topology {

/// What two ranks have between them, from near to far: the kind of their lowest common ancestor in
/// the machine, or a direct link of their GPUs.
enum class LinkClass : std::uint8_t {
    self,            ///< the same rank, or two on one GPU
    core,            ///< both on one core
    l2,              ///< a common second-level cache
    l3,              ///< a common last-level cache
    numa,            ///< a common NUMA node
    package,         ///< a common package
    machine,         ///< different packages of a host
    nvlink,          ///< GPUs with a direct link: NVLink, XGMI, Xe Link, or through its switches
    pcie_switch,     ///< GPUs below one PCIe switch
    pcie_bridges,    ///< GPUs below one host bridge, through several switches
    host_bridge,     ///< GPUs of one NUMA node or package, through its host bridges
    pcie_machine,    ///< GPUs of different packages
    network_switch,  ///< different hosts below one leaf switch
    network,         ///< different hosts
};
constexpr int link_classes = 14;

/// "self", "core", ..., "nvlink", "pcie-switch", ..., "network".
std::string_view name_of(LinkClass link_class);
std::optional<LinkClass> parse_link_class(std::string_view text);

/// What one message over a link costs, after LogGP (Alexandrov et al., "LogGP: Incorporating Long
/// Messages into the LogP Model", SPAA 1995): the same both ways.
struct LinkCost {
    double latency_us = 0;   ///< L: from when the last byte has left to when it is there
    double gap_us = 0;       ///< o: for which a message of no bytes keeps sender and receiver busy
    double us_per_byte = 0;  ///< G: for which each byte does

    double gbytes_per_s() const { return us_per_byte > 0 ? 1e-3 / us_per_byte : 0; }
    bool operator==(const LinkCost&) const = default;
};

/// The dearer of two in each part: which one is, may depend on the bytes.
constexpr LinkCost dearer(const LinkCost& a, const LinkCost& b) {
    return {std::max(a.latency_us, b.latency_us), std::max(a.gap_us, b.gap_us),
            std::max(a.us_per_byte, b.us_per_byte)};
}

/// Costs by class, and of the reduction itself.
struct CostTable {
    std::array<LinkCost, link_classes> links = {};
    double reduce_us_per_byte = 0;  ///< of combining a byte that is there into one's own

    LinkCost& of(LinkClass link) { return links[static_cast<std::size_t>(link)]; }
    const LinkCost& of(LinkClass link) const { return links[static_cast<std::size_t>(link)]; }
    bool operator==(const CostTable&) const = default;
};

/// What to assume where nothing has been measured. Sources stand beside the numbers.
CostTable default_costs();

/// `table` where messages between hosts go over TCP in place of RDMA.
CostTable over_tcp(CostTable table);

}  // namespace ipcrun::topology
