// SPDX-License-Identifier: Apache-2.0
#include "topology/machine_codec.hpp"

#include <cmath>

#include "base/fail.hpp"
#include "topology/machine_fields.hpp"

namespace ipcrun::topology {

namespace {

void require(bool condition, const char* what) {
    if (!condition) fail(ErrorCode::protocol, "decode: {} of a machine makes no sense", what);
}

// Rates and shares of time.
void require_rate(double value, const char* what) {
    require(std::isfinite(value) && value >= 0, what);
}

void require_index(int index, std::size_t count, const char* what) {
    require(index >= 0 && static_cast<std::size_t>(index) < count, what);
}

void require_optional_index(int index, std::size_t count, const char* what) {
    if (index != -1) require_index(index, count, what);
}

/// How many of each there are.
struct Extent {
    std::size_t packages = 0, numa_nodes = 0, caches = 0;
};

void check_nearness(const Nearness& near, const Extent& extent) {
    require_optional_index(near.package, extent.packages, "nearness to a package");
    require_optional_index(near.numa_node, extent.numa_nodes, "nearness to a NUMA node");
    require_optional_index(near.last_level_cache, extent.caches, "nearness to a cache");
}

void check_device(const Device& device, const Machine& machine, const Extent& extent) {
    require(!device.name.empty(), "the name of a device");
    require_optional_index(device.bridge, machine.bridges.size(), "the bridge of a device");
    require_rate(device.gbytes_per_s, "the link of a device");
    check_nearness(device.near, extent);
}

void check_cores(const Machine& machine, const Extent& extent) {
    require(!machine.cores.empty(), "the number of cores");
    for (const Core& core : machine.cores) {
        require(!core.cpus.empty(), "a core");
        for (std::size_t i = 0; i < core.cpus.size(); ++i)
            require(core.cpus[i] > (i == 0 ? -1 : core.cpus[i - 1]), "the order of CPUs");
        require_index(core.package, extent.packages, "the package of a core");
        require_index(core.numa_node, extent.numa_nodes, "the NUMA node of a core");
        require_index(core.last_level_cache, extent.caches, "the cache of a core");
        require_index(core.l2, extent.caches, "the second-level cache of a core");
    }
}

void check_links(const Machine& machine) {
    for (const GpuLink& link : machine.gpu_links) {
        require_index(link.a, machine.gpus.size(), "the end of a link");
        require_index(link.b, machine.gpus.size(), "the end of a link");
        require(link.a < link.b, "the order of a link");
        require_rate(link.gbytes_per_s, "a link");
    }
}

}  // namespace

Bytes encode(const Machine& machine) {
    FieldWriter out;
    out(machine);
    return out.take();
}

Machine decode_machine(std::span<const std::uint8_t> bytes) {
    Decoder in(bytes);
    FieldReader reader(in);
    Machine machine;
    reader(machine);
    in.end();
    check_indices(machine);
    return machine;
}

void check_indices(const Machine& machine) {
    require(machine.packages > 0, "the number of packages");
    require(!machine.numa_nodes.empty(), "the number of NUMA nodes");
    // Caches are counted over all CPUs of a machine, of which some may not be ours to use.
    const Extent extent{static_cast<std::size_t>(machine.packages), machine.numa_nodes.size(),
                        std::size_t{1} << 20};
    check_cores(machine, extent);
    for (const NumaNode& node : machine.numa_nodes) {
        require(node.os_index >= 0, "the number of a NUMA node");
        require_rate(node.gbytes_per_s, "the memory of a NUMA node");
    }
    require_rate(machine.cpu_quota, "the quota");
    require(machine.numa_latencies.empty() ||
                machine.numa_latencies.size() == extent.numa_nodes * extent.numa_nodes,
            "the number of latencies");
    for (const double latency : machine.numa_latencies) require_rate(latency, "a latency");
    for (std::size_t i = 0; i < machine.bridges.size(); ++i) {
        require_optional_index(machine.bridges[i].parent, i, "the parent of a bridge");
        require_rate(machine.bridges[i].gbytes_per_s, "the link of a bridge");
        check_nearness(machine.bridges[i].near, extent);
    }
    for (const Gpu& gpu : machine.gpus) {
        check_device(gpu, machine, extent);
        require_rate(gpu.host_gbytes_per_s, "the host link of a GPU");
    }
    for (const Nic& nic : machine.nics) {
        check_device(nic, machine, extent);
        require_rate(nic.network_gbytes_per_s, "the network of a NIC");
    }
    check_links(machine);
}

}  // namespace ipcrun::topology
