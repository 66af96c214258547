// SPDX-License-Identifier: Apache-2.0
#include "topology/discover/hwloc_devices.hpp"

#include <fmt/format.h>
#include <hwloc.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "topology/discover/pcie.hpp"

namespace ipcrun::topology {

namespace {

using Pci = decltype(hwloc_obj_attr_u::pcidev);

std::string info(hwloc_obj_t object, const char* name) {
    const char* value = hwloc_obj_get_info_by_name(object, name);
    return value != nullptr ? value : "";
}

/// The first of these that is there.
std::string first_info(hwloc_obj_t object, std::initializer_list<const char*> names) {
    for (const char* name : names)
        if (std::string value = info(object, name); !value.empty()) return value;
    return {};
}

std::string pci_id_of(const Pci& pci) {
    return format_pci_id(pci.domain, pci.bus, pci.dev, pci.func);
}

/// Where what hangs on `object`, an object with CPUs, is near to.
Nearness nearness_of(const Machine& machine, hwloc_obj_t object) {
    Nearness near;
    bool first = true;
    for (const Core& core : machine.cores) {
        const bool inside = std::any_of(core.cpus.begin(), core.cpus.end(), [&](int cpu) {
            return hwloc_bitmap_isset(object->cpuset, static_cast<unsigned>(cpu));
        });
        if (!inside) continue;
        const Nearness own{core.package, core.numa_node, core.last_level_cache};
        if (first) near = own;
        if (near.package != own.package) near.package = -1;
        if (near.numa_node != own.numa_node) near.numa_node = -1;
        if (near.last_level_cache != own.last_level_cache) near.last_level_cache = -1;
        first = false;
    }
    return near;
}

/// How much more an operating system's name for a GPU says than another; 0: it is no GPU.
int gpu_name_rank(hwloc_obj_t device) {
    const std::string_view name = device->name != nullptr ? device->name : "";
    int rank = 6;
    for (const std::string_view start : {"cuda", "nvml", "rsmi", "ze", "opencl"}) {
        if (name.starts_with(start)) return rank;
        --rank;
    }
    // "card0", "renderD128" come with every screen.
    return 0;
}

/// Is this a GPU to compute with by its class and maker alone?
bool computes(const Pci& pci) {
    constexpr unsigned vga = 0x0300, display_base = 0x03, accelerator = 0x1200;
    const bool display = pci.class_id >> 8 == display_base;
    switch (gpu_vendor_of(pci.vendor_id)) {
        case GpuVendor::nvidia:
            return display;
        case GpuVendor::amd:
            return (display && pci.class_id != vga) || pci.class_id == accelerator;
        case GpuVendor::intel:
            return display && pci.class_id != vga;
        case GpuVendor::other:
            return false;  // the screens of servers' service processors: ASPEED, Matrox
    }
    return false;
}

class Collector {
  public:
    Collector(Machine& machine, hwloc_topology_t topology) : machine_(machine) {
        visit(hwloc_get_root_obj(topology));
    }

    DeviceObjects finish() {
        sort_gpus();
        std::stable_sort(
            machine_.nics.begin(), machine_.nics.end(),
            [](const Nic& a, const Nic& b) { return pci_id_less(a.pci_id, b.pci_id); });
        drop_idle_bridges();
        settle_links(machine_, readings_);
        DeviceObjects objects;
        for (std::size_t i = 0; i < objects_.size(); ++i)
            objects.emplace_back(objects_[i], static_cast<int>(i));
        return objects;
    }

  private:
    void visit(hwloc_obj_t object) {
        for (hwloc_obj_t child = object->first_child; child != nullptr; child = child->next_sibling)
            visit(child);
        if (object->io_first_child == nullptr) return;
        const Nearness near = nearness_of(machine_, object);
        visit_devices(object, -1, near);
    }

    void visit_devices(hwloc_obj_t above, int bridge, const Nearness& near) {
        for (hwloc_obj_t io = above->io_first_child; io != nullptr; io = io->next_sibling) {
            if (io->type == HWLOC_OBJ_BRIDGE)
                visit_devices(io, add_bridge(io, bridge, near), near);
            else if (io->type == HWLOC_OBJ_PCI_DEVICE)
                add_device(io, bridge, near);
        }
    }

    int add_bridge(hwloc_obj_t io, int parent, const Nearness& near) {
        Bridge bridge{.parent = parent, .pci_id = {}, .gbytes_per_s = 0, .near = near};
        if (io->attr->bridge.upstream_type == HWLOC_OBJ_BRIDGE_PCI) {
            bridge.pci_id = pci_id_of(io->attr->bridge.upstream.pci);
            if (parent >= 0) bridge.gbytes_per_s = reading(io->attr->bridge.upstream.pci);
        }
        machine_.bridges.push_back(std::move(bridge));
        return static_cast<int>(machine_.bridges.size()) - 1;
    }

    static double reading(const Pci& pci) {
        return pci.linkspeed > 0 && pci.linkspeed < 1e4f ? static_cast<double>(pci.linkspeed) : 0;
    }

    void add_device(hwloc_obj_t io, int bridge, const Nearness& near) {
        const Pci& pci = io->attr->pcidev;
        const Device device{.name = {},
                            .pci_id = pci_id_of(pci),
                            .uuid = {},
                            .model = info(io, "PCIDevice"),
                            .bridge = bridge,
                            .gbytes_per_s = reading(pci),
                            .near = near};
        add_nic(io, device);
        add_gpu(io, device);
    }

    /// All that the operating system calls this device is one GPU.
    void add_gpu(hwloc_obj_t io, const Device& device) {
        const Pci& pci = io->attr->pcidev;
        Gpu gpu{{device}};
        int best = computes(pci) ? 1 : 0;
        bool nvml = false;
        for (hwloc_obj_t os = io->io_first_child; os != nullptr; os = os->next_sibling) {
            if (os->type != HWLOC_OBJ_OS_DEVICE || (os->attr->osdev.type != HWLOC_OBJ_OSDEV_GPU &&
                                                    os->attr->osdev.type != HWLOC_OBJ_OSDEV_COPROC))
                continue;
            const int rank = gpu_name_rank(os);
            if (rank == 0) continue;
            if (rank > best) gpu.name = os->name;
            best = std::max(best, rank);
            nvml = nvml || std::string_view(os->name).starts_with("nvml");
            if (std::string model = info(os, "GPUModel"); !model.empty()) gpu.model = model;
            if (std::string uuid = first_info(os, {"NVIDIAUUID", "AMDUUID", "LevelZeroUUID"});
                !uuid.empty())
                gpu.uuid = uuid;
            if (const auto kibibytes = parse_number<std::uint64_t>(
                    first_info(os, {"CUDAGlobalMemorySize", "RSMIVRAMSize", "LevelZeroHBMSize",
                                    "OpenCLGlobalMemorySize"}));
                kibibytes && *kibibytes < 1ull << 40)
                gpu.bytes = std::max(gpu.bytes, *kibibytes << 10);
        }
        if (best == 0) return;
        gpu.vendor = gpu_vendor_of(pci.vendor_id);
        machine_.gpus.push_back(std::move(gpu));
        readings_.push_back({{pci.vendor_id, pci.device_id}, nvml});
        objects_.push_back(io);
    }

    /// The interfaces of one PCI function are one NIC, and its name for RDMA says more.
    void add_nic(hwloc_obj_t io, const Device& device) {
        Nic nic{{device}};
        for (hwloc_obj_t os = io->io_first_child; os != nullptr; os = os->next_sibling) {
            if (os->type != HWLOC_OBJ_OS_DEVICE || os->name == nullptr) continue;
            const bool fabric = os->attr->osdev.type == HWLOC_OBJ_OSDEV_OPENFABRICS;
            if (!fabric && os->attr->osdev.type != HWLOC_OBJ_OSDEV_NETWORK) continue;
            if (!fabric && !nic.name.empty()) continue;
            nic.name = os->name;
            const std::string address = first_info(os, {"NodeGUID", "Address"});
            const bool known = address.find_first_not_of("0:") != std::string::npos;
            if (known) nic.uuid = address;
        }
        if (nic.name.empty()) return;
        const Pci& pci = io->attr->pcidev;
        nic.network_gbytes_per_s = network_gbytes_per_s({pci.vendor_id, pci.device_id});
        // The fastest of its kind, in a slot that feeds no more.
        if (nic.gbytes_per_s > 0)
            nic.network_gbytes_per_s = std::min(nic.network_gbytes_per_s, nic.gbytes_per_s);
        machine_.nics.push_back(std::move(nic));
    }

    void sort_gpus() {
        std::vector<std::size_t> order(machine_.gpus.size());
        for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
        std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
            return pci_id_less(machine_.gpus[a].pci_id, machine_.gpus[b].pci_id);
        });
        const auto arrange = [&order](auto& list) {
            auto sorted = list;
            for (std::size_t i = 0; i < order.size(); ++i) sorted[i] = list[order[i]];
            list = std::move(sorted);
        };
        arrange(machine_.gpus);
        arrange(readings_);
        arrange(objects_);
        for (std::size_t i = 0; i < machine_.gpus.size(); ++i)
            if (machine_.gpus[i].name.empty()) machine_.gpus[i].name = fmt::format("gpu{}", i);
    }

    /// Bridges with neither GPU nor NIC below them say nothing.
    void drop_idle_bridges() {
        std::vector<bool> used(machine_.bridges.size());
        const auto mark = [&](int bridge) {
            for (; bridge >= 0; bridge = machine_.bridges[static_cast<std::size_t>(bridge)].parent)
                used[static_cast<std::size_t>(bridge)] = true;
        };
        for (const Gpu& gpu : machine_.gpus) mark(gpu.bridge);
        for (const Nic& nic : machine_.nics) mark(nic.bridge);
        std::vector<int> now(machine_.bridges.size(), -1);
        std::vector<Bridge> kept;
        const auto move = [&now](int& bridge) {
            if (bridge >= 0) bridge = now[static_cast<std::size_t>(bridge)];
        };
        for (std::size_t i = 0; i < used.size(); ++i) {
            if (!used[i]) continue;
            now[i] = static_cast<int>(kept.size());
            kept.push_back(std::move(machine_.bridges[i]));
            move(kept.back().parent);
        }
        machine_.bridges = std::move(kept);
        for (Gpu& gpu : machine_.gpus) move(gpu.bridge);
        for (Nic& nic : machine_.nics) move(nic.bridge);
    }

    Machine& machine_;
    std::vector<GpuReading> readings_;  ///< of machine_.gpus
    std::vector<hwloc_obj_t> objects_;  ///< of machine_.gpus
};

}  // namespace

DeviceObjects add_devices(Machine& machine, hwloc_topology* topology) {
    return Collector(machine, topology).finish();
}

}  // namespace ipcrun::topology
