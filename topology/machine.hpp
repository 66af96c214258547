// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a host is, as plain values: packages, NUMA nodes, caches, cores and what we may use of
/// them, GPUs and NICs and how they hang on it. Filled by topology/discover, by tests, or from the
/// wire; nothing here looks at the real machine.

#include <cstdint>
#include <string>
#include <vector>

namespace ipcrun::topology {

struct NumaNode {
    int os_index = 0;         ///< the kernel's number of the node
    std::uint64_t bytes = 0;  ///< local memory
    double gbytes_per_s = 0;  ///< what its own cores read of it together (HMAT); 0: unknown

    bool operator==(const NumaNode&) const = default;
};

/// One physical core with those of its hardware threads that this process may run on.
struct Core {
    std::vector<int> cpus;     ///< the kernel's CPU numbers, ascending, never empty
    int package = 0;           ///< index of its package, from 0
    int numa_node = 0;         ///< index into Machine::numa_nodes
    int last_level_cache = 0;  ///< index of its outermost shared cache, from 0, over the machine
    int l2 = 0;                ///< index of its second-level cache, from 0, over the machine

    bool operator==(const Core&) const = default;
};

/// What something hangs on: the smallest of these that it is near to. -1: near to none in
/// particular, or to one without allowed cores.
struct Nearness {
    int package = -1;           ///< as in Core
    int numa_node = -1;         ///< index into Machine::numa_nodes
    int last_level_cache = -1;  ///< as in Core

    bool operator==(const Nearness&) const = default;
};

/// A bridge of the PCI tree: a host bridge, or a port of a switch below one.
struct Bridge {
    int parent = -1;          ///< index into Machine::bridges, lower than its own; -1: host bridge
    std::string pci_id;       ///< "0000:40:01.1"; host bridges may have none
    double gbytes_per_s = 0;  ///< of its link upwards, at its best; 0: unknown, or a host bridge
    Nearness near = {};

    bool operator==(const Bridge&) const = default;
};

/// What GPUs and NICs have in common: a place on the PCI tree, or none.
struct Device {
    std::string name;    ///< "cuda0", "nvml3", "rsmi1", "mlx5_0", "eth0"; never empty
    std::string pci_id;  ///< "0000:41:00.0", lower case; empty: not on PCI
    std::string uuid;    ///< "GPU-2f0d…", node GUID or hardware address; empty: unknown
    std::string model;   ///< "NVIDIA H200"; empty: unknown
    int bridge = -1;     ///< index into Machine::bridges; -1: none
    double gbytes_per_s =
        0;  ///< of its PCI link, at its best and not at its idle speed; 0: unknown
    Nearness near = {};

    bool operator==(const Device&) const = default;
};

enum class GpuVendor : std::uint8_t { other, nvidia, amd, intel };

struct Gpu : Device {
    GpuVendor vendor = GpuVendor::other;
    std::uint64_t bytes = 0;  ///< of its memory; 0: unknown
    /// Of a direct link to the processors (NVLink on POWER, C2C), which it takes instead of PCI; 0:
    /// it has none.
    double host_gbytes_per_s = 0;

    bool operator==(const Gpu&) const = default;
};

struct Nic : Device {
    double network_gbytes_per_s = 0;  ///< of its ports together, each direction; 0: unknown

    bool operator==(const Nic&) const = default;
};

/// A link from GPU to GPU beside PCI: NVLink, XGMI, Xe Link.
struct GpuLink {
    int a = 0, b = 0;         ///< indices into Machine::gpus, a < b
    double gbytes_per_s = 0;  ///< each direction
    /// Through switches: every GPU has this much to all others together, not to each.
    bool switched = false;

    bool operator==(const GpuLink&) const = default;
};

struct Machine {
    std::string host;                  ///< its name as uname(2) gives it
    std::vector<NumaNode> numa_nodes;  ///< never empty
    std::vector<Core> cores;         ///< allowed ones only, in topology order: neighbours are near
    int packages = 1;                ///< packages with allowed cores
    std::uint64_t memory_bytes = 0;  ///< of the whole machine
    std::uint64_t last_level_cache_bytes = 0;  ///< of one such cache; 0: unknown
    double cpu_quota = 0;  ///< CPUs' worth of time that cgroups allow; 0: no limit
    /// Relative latencies from row to column as firmware tells them (ACPI SLIT, 10 is local), by
    /// index; empty: unknown.
    std::vector<double> numa_latencies = {};
    // Empty when they were not asked for.
    std::vector<Bridge> bridges = {};  ///< parents before children
    std::vector<Gpu> gpus = {};        ///< by PCI id
    std::vector<Nic> nics = {};        ///< by PCI id; those that can carry data: up, no loopback
    std::vector<GpuLink> gpu_links = {};
    std::string model = {};  ///< of the processors; empty: unknown

    bool operator==(const Machine&) const = default;
};

/// Whole CPUs that we may keep busy: allowed hardware threads, cut to the quota (rounded up);
/// at least 1.
int usable_cpus(const Machine& machine);

/// Physical cores that we may keep busy: allowed cores, cut to the quota (rounded up); at least 1.
/// The default number of ranks.
int usable_cores(const Machine& machine);

/// The bridges above a device, the nearest first, up to its host bridge.
std::vector<int> bridges_above(const Machine& machine, const Device& device);

/// A number that machines of one kind have in common: of everything but names, serial numbers,
/// addresses and how much memory there is. Measured costs are kept under it.
std::uint64_t hash_of(const Machine& machine);

}  // namespace ipcrun::topology
