// SPDX-License-Identifier: Apache-2.0
#include "topology/link/link.hpp"

namespace ipcrun::topology {

namespace {

constexpr std::array<std::string_view, link_classes> names{
    "self",           "core",   "l2",          "l3",           "numa",        "package",
    "machine",        "nvlink", "pcie-switch", "pcie-bridges", "host-bridge", "pcie-machine",
    "network-switch", "network"};

constexpr LinkCost cost(double latency_us, double gap_us, double gbytes_per_s) {
    return {latency_us, gap_us, 1e-3 / gbytes_per_s};
}

}  // namespace

std::string_view name_of(LinkClass link_class) {
    return names[static_cast<std::size_t>(link_class)];
}

std::optional<LinkClass> parse_link_class(std::string_view text) {
    for (std::size_t link = 0; link < names.size(); ++link)
        if (names[link] == text) return static_cast<LinkClass>(link);
    return std::nullopt;
}

CostTable default_costs() {
    CostTable table;
    // Two ranks on one GPU: a copy within its memory (1 TB/s and more, half of it reading), started
    // from the host.
    table.of(LinkClass::self) = cost(1.5, 0.5, 500);

    // Shared memory. Below one L3 a message of 8 bytes takes 0.10 us one way (ours, in
    // docs/benchmarks.md, on a virtual machine of two cores, 2026; 0.12 us here, for others), half
    // of it gap. Who has to share a core waits for the scheduler: a barrier of four ranks on two
    // cores takes 1.1 us there. Long messages go at the rate of one memcpy: from memory 10 to 15
    // GB/s on usual servers. That machine reaches 30 at 64 MiB and 85 at 16 MiB, which fit into its
    // L3: measuring pays.
    table.of(LinkClass::core) = cost(1.0, 0.07, 12);
    table.of(LinkClass::l2) = cost(0.04, 0.06, 13);
    table.of(LinkClass::l3) = cost(0.05, 0.07, 12);
    // Farther away a line comes from another cache, over the fabric of the package or the link of
    // the packages: 0.1 to 0.15 us and 0.2 to 0.3 us instead of 0.05 us on servers of the last
    // years, from published core-to-core latencies; not measured by us.
    table.of(LinkClass::numa) = cost(0.11, 0.07, 11);
    table.of(LinkClass::package) = cost(0.15, 0.08, 10);
    table.of(LinkClass::machine) = cost(0.25, 0.1, 8);

    // From GPU to GPU a copy or a small kernel is started from the host, which costs more than the
    // way: NCCL's tables of hardware latencies say 0.6 to 1.25 us for NVLink and 1 to 2.5 us for
    // PCIe (src/graph/tuning.cc, protocols LL and LL128). Bandwidths count only where the machine
    // tells none: NCCL's for one link of NVLink 3 times four, and for PCIe 3 and 4 with 16 lanes
    // (src/graph/topo.h).
    table.of(LinkClass::nvlink) = cost(1.5, 0.5, 80);
    table.of(LinkClass::pcie_switch) = cost(1.9, 0.5, 12);
    table.of(LinkClass::pcie_bridges) = cost(2.2, 0.5, 12);
    table.of(LinkClass::host_bridge) = cost(2.5, 0.5, 12);
    table.of(LinkClass::pcie_machine) = cost(2.8, 0.5, 10);

    // RDMA: 1.3 us below one switch, 0.4 us for each further level, and a gap of 0.35 us: what MPI
    // implementations assume or publish for InfiniBand and alike. A NIC of unknown speed is taken
    // for one of 100 Gbit/s.
    table.of(LinkClass::network_switch) = cost(1.3, 0.35, 12.5);
    table.of(LinkClass::network) = cost(1.7, 0.35, 12.5);

    // Adding floats that are there into one's own, from memory, by one core: the rate of a memcpy.
    // In its caches it is several times as fast.
    table.reduce_us_per_byte = 1e-3 / 12;
    return table;
}

// To start a message takes ten times as long as by RDMA, on both sides and on the way: 15 to 20 us
// between processes on hosts below one switch is what measurements of sockets come to.
CostTable over_tcp(CostTable table) {
    for (const LinkClass link : {LinkClass::network_switch, LinkClass::network}) {
        table.of(link).latency_us *= 10;
        table.of(link).gap_us *= 10;
    }
    return table;
}

}  // namespace ipcrun::topology
