// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "topology/discover/gpu_link_table.hpp"
#include "topology/discover/nvml.hpp"
#include "topology/discover/pci_models.hpp"
#include "topology/discover/pcie.hpp"

namespace ipcrun::topology {

namespace {

using Indices = std::map<std::string, std::size_t>;

Indices index_gpus(const Machine& machine) {
    Indices indices;
    for (std::size_t i = 0; i < machine.gpus.size(); ++i)
        indices.emplace(machine.gpus[i].pci_id, i);
    return indices;
}

void complete(Gpu& gpu, const NvmlGpu& told) {
    // "gpu0" is a name of ours, for want of another.
    if (gpu.name.empty() || gpu.name.starts_with("gpu")) gpu.name = told.name;
    if (!told.uuid.empty()) gpu.uuid = told.uuid;
    if (!told.model.empty()) gpu.model = told.model;
    if (told.bytes != 0) gpu.bytes = told.bytes;
    gpu.vendor = GpuVendor::nvidia;
    gpu.gbytes_per_s = std::max(gpu.gbytes_per_s, told.gbytes_per_s);
}

void add_links(Machine& machine, const std::vector<NvmlGpu>& gpus, const Indices& indices) {
    // NVIDIA's Grace Hopper white paper: 900 GB/s, both directions together.
    constexpr double chip_to_chip_gbytes_per_s = 450;
    GpuLinkTable table(machine.gpus.size());
    for (const NvmlGpu& gpu : gpus) {
        const std::size_t a = indices.at(gpu.pci_id);
        const double each = nvlink_gbytes_per_s(gpu.compute_capability);
        if (gpu.chip_to_chip) table.add_host(a, chip_to_chip_gbytes_per_s);
        for (const NvmlLink& link : gpu.links) {
            const auto other = indices.find(link.pci_id);
            if (link.peer == NvmlLink::Peer::processor)
                table.add_host(a, each);
            else if (link.peer == NvmlLink::Peer::gpu && other != indices.end())
                table.add_direct(a, other->second, each);
            else  // old drivers do not say that it is a switch: what is no GPU of ours is one
                table.add_switched(a, each);
        }
    }
    table.add_to(machine);
}

}  // namespace

void add_nvml(Machine& machine, const std::vector<NvmlGpu>& gpus) {
    if (gpus.empty()) return;
    Indices indices = index_gpus(machine);
    const std::size_t seen = machine.gpus.size();
    for (const NvmlGpu& told : gpus) {
        const auto [place, added] = indices.emplace(told.pci_id, machine.gpus.size());
        if (added) {
            machine.gpus.emplace_back();
            machine.gpus.back().pci_id = told.pci_id;
        }
        complete(machine.gpus[place->second], told);
    }
    const bool linked = !machine.gpu_links.empty();
    if (machine.gpus.size() > seen) {
        // Links name GPUs by their place.
        std::vector<std::string> ids;
        for (const Gpu& gpu : machine.gpus) ids.push_back(gpu.pci_id);
        std::stable_sort(machine.gpus.begin(), machine.gpus.end(), [](const Gpu& a, const Gpu& b) {
            return pci_id_less(a.pci_id, b.pci_id);
        });
        indices = index_gpus(machine);
        for (GpuLink& link : machine.gpu_links) {
            link.a = static_cast<int>(indices.at(ids[static_cast<std::size_t>(link.a)]));
            link.b = static_cast<int>(indices.at(ids[static_cast<std::size_t>(link.b)]));
        }
    }
    if (!linked) add_links(machine, gpus, indices);
    settle_links(machine, {});
}

}  // namespace ipcrun::topology
