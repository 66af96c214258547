// SPDX-License-Identifier: Apache-2.0
#include "topology/machine.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/hash.hpp"
#include "topology/machine_codec.hpp"

namespace ipcrun::topology {

namespace {

int cut_to_quota(int count, double quota) {
    // The smallest share over a whole CPU (1.0001, from a rounded file) does not buy another one.
    if (quota > 0) count = std::min(count, static_cast<int>(std::ceil(quota - 1e-3)));
    return std::max(count, 1);
}

}  // namespace

int usable_cpus(const Machine& machine) {
    std::size_t cpus = 0;
    for (const Core& core : machine.cores) cpus += core.cpus.size();
    return cut_to_quota(static_cast<int>(cpus), machine.cpu_quota);
}

int usable_cores(const Machine& machine) {
    return cut_to_quota(static_cast<int>(machine.cores.size()), machine.cpu_quota);
}

std::vector<int> bridges_above(const Machine& machine, const Device& device) {
    std::vector<int> above;
    // A parent has a lower number, so this ends.
    for (int bridge = device.bridge; bridge >= 0;
         bridge = machine.bridges[static_cast<std::size_t>(bridge)].parent)
        above.push_back(bridge);
    return above;
}

std::uint64_t hash_of(const Machine& machine) {
    Machine kind = machine;
    kind.host.clear();
    kind.memory_bytes = 0;  // the kernel keeps another share for itself on every host
    for (NumaNode& node : kind.numa_nodes) node.bytes = 0;
    const auto forget_identity = [](Device& device) {
        device.name.clear();
        device.pci_id.clear();
        device.uuid.clear();
    };
    for (Bridge& bridge : kind.bridges) bridge.pci_id.clear();
    for (Gpu& gpu : kind.gpus) forget_identity(gpu);
    for (Nic& nic : kind.nics) forget_identity(nic);
    const Bytes bytes = encode(kind);
    Hash hash;
    hash.add(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    return hash.value();
}

}  // namespace ipcrun::topology
