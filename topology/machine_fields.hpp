// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The fields of a Machine and of its parts, for base/fields.hpp.

#include "base/fields.hpp"
#include "topology/machine.hpp"

namespace ipcrun::topology {

constexpr GpuVendor last_enumerator(GpuVendor) {
    return GpuVendor::intel;
}

template <typename Fields, one_of<Nearness, NumaNode, Core, Bridge, Gpu, Nic, GpuLink, Machine> T>
void visit_fields(Fields& fields, T& m) {
    if constexpr (one_of<T, Nearness>) fields(m.package, m.numa_node, m.last_level_cache);
    if constexpr (one_of<T, NumaNode>) fields(m.os_index, m.bytes, m.gbytes_per_s);
    if constexpr (one_of<T, Core>) fields(m.cpus, m.package, m.numa_node, m.last_level_cache, m.l2);
    if constexpr (one_of<T, Bridge>) fields(m.parent, m.pci_id, m.gbytes_per_s, m.near);
    if constexpr (one_of<T, Gpu, Nic>)
        fields(m.name, m.pci_id, m.uuid, m.model, m.bridge, m.gbytes_per_s, m.near);
    if constexpr (one_of<T, Gpu>) fields(m.vendor, m.bytes, m.host_gbytes_per_s);
    if constexpr (one_of<T, Nic>) fields(m.network_gbytes_per_s);
    if constexpr (one_of<T, GpuLink>) fields(m.a, m.b, m.gbytes_per_s, m.switched);
    if constexpr (one_of<T, Machine>) {
        fields(m.host, m.numa_nodes, m.cores, m.packages, m.memory_bytes, m.last_level_cache_bytes,
               m.cpu_quota);
        fields(m.numa_latencies, m.bridges, m.gpus, m.nics, m.gpu_links, m.model);
    }
}

}  // namespace ipcrun::topology
