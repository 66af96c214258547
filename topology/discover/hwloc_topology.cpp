// SPDX-License-Identifier: Apache-2.0
#include "topology/discover/hwloc_topology.hpp"

#include <hwloc.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <tuple>
#include <utility>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "topology/discover/environment_override.hpp"
#include "topology/discover/hwloc_devices.hpp"
#include "topology/discover/hwloc_links.hpp"

namespace ipcrun::topology {

namespace {

/// Objects of one kind, numbered from 0 as they are met.
class Numbering {
  public:
    int number(hwloc_obj_t object) {
        const auto index = std::find(seen_.begin(), seen_.end(), object) - seen_.begin();
        if (index == std::ssize(seen_)) seen_.push_back(object);
        return static_cast<int>(index);
    }
    int count() const { return static_cast<int>(seen_.size()); }

  private:
    std::vector<hwloc_obj_t> seen_;
};

hwloc_obj_t outermost_cache(hwloc_obj_t object) {
    hwloc_obj_t cache = nullptr;
    for (; object != nullptr; object = object->parent)
        if (hwloc_obj_type_is_dcache(object->type)) cache = object;
    return cache;
}

/// What the hardware threads of a core have for themselves, next to the first-level cache: a cache,
/// or the core where none is known.
hwloc_obj_t second_level_cache(hwloc_obj_t core) {
    for (hwloc_obj_t object = core; object != nullptr; object = object->parent)
        if (object->type == HWLOC_OBJ_L2CACHE) return object;
    return core;
}

/// The name of the processors that all packages have in common; empty: unknown.
std::string processor_model(hwloc_topology_t topology) {
    hwloc_obj_t package = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PACKAGE, nullptr);
    if (package == nullptr) package = hwloc_get_root_obj(topology);
    const char* model = hwloc_obj_get_info_by_name(package, "CPUModel");
    return model != nullptr ? std::string(trim(model)) : "";
}

/// Index of the memory nearest to `pu`: hosts with slow or high-bandwidth memory beside the
/// ordinary one have several nodes; the smallest neighbourhood wins, then hwloc's order (ordinary
/// first).
int nearest_node(hwloc_topology_t topology, hwloc_obj_t pu) {
    int nearest = 0, neighbours = -1, index = 0;
    for (hwloc_obj_t node = nullptr;
         (node = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, node)) != nullptr;
         ++index) {
        if (!hwloc_bitmap_isincluded(pu->cpuset, node->cpuset)) continue;
        const int weight = hwloc_bitmap_weight(node->cpuset);
        if (neighbours < 0 || weight < neighbours)
            std::tie(nearest, neighbours) = std::pair(index, weight);
    }
    return nearest;
}

std::vector<NumaNode> numa_nodes(hwloc_topology_t topology) {
    std::vector<NumaNode> nodes;
    for (hwloc_obj_t node = nullptr;
         (node = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, node)) != nullptr;)
        nodes.push_back({static_cast<int>(node->os_index), node->attr->numanode.local_memory});
    if (nodes.empty()) nodes.push_back({});
    return nodes;
}

}  // namespace

void HwlocTopology::Destroy::operator()(hwloc_topology* topology) const {
    hwloc_topology_destroy(topology);
}

HwlocTopology::HwlocTopology() {
    hwloc_topology* topology = nullptr;
    if (hwloc_topology_init(&topology) != 0)
        fail_errno(errno, "read the topology of this host: start hwloc");
    topology_.reset(topology);
}

void HwlocTopology::set_filters(bool devices) {
    hwloc_topology* const topology = topology_.get();
    devices_ = devices;
    unsigned long flags = 0;
#if HWLOC_API_VERSION >= 0x00020800
    flags |= HWLOC_TOPOLOGY_FLAG_NO_CPUKINDS;
    if (!devices) flags |= HWLOC_TOPOLOGY_FLAG_NO_DISTANCES | HWLOC_TOPOLOGY_FLAG_NO_MEMATTRS;
#endif
    // A refused filter or flag costs time, not truth: machine() takes what it finds.
    (void)hwloc_topology_set_flags(topology, flags);
    (void)hwloc_topology_set_all_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_NONE);
    for (const hwloc_obj_type_t type : {HWLOC_OBJ_PACKAGE, HWLOC_OBJ_CORE})
        (void)hwloc_topology_set_type_filter(topology, type, HWLOC_TYPE_FILTER_KEEP_ALL);
    // Parts of a package with memory of their own (sub-NUMA clusters) are groups.
    (void)hwloc_topology_set_type_filter(topology, HWLOC_OBJ_GROUP,
                                         HWLOC_TYPE_FILTER_KEEP_STRUCTURE);
    (void)hwloc_topology_set_cache_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_ALL);
    // All of them: NVSwitches are no "important" devices, and matrices name them.
    if (devices) (void)hwloc_topology_set_io_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_ALL);
    // The cpuid back end visits every CPU of the machine in turn; sysfs says the same.
    (void)hwloc_topology_set_components(topology, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, "x86");
}

HwlocTopology HwlocTopology::load_host(bool devices) {
    // Plug-ins (OpenGL, OpenCL, libxml, PCI) take ten times as long to load as the host to read.
    // With devices those are wanted that know links between GPUs (NVML, RSMI, Level Zero); of the
    // others OpenGL asks X servers and CUDA makes a context on every GPU, for what we need not.
    const EnvironmentOverride plugins("HWLOC_PLUGINS_PATH", devices ? nullptr : "/dev/null");
    const EnvironmentOverride unwanted(
        "HWLOC_PLUGINS_BLACKLIST",
        "hwloc_gl.so,hwloc_opencl.so,hwloc_cuda.so,hwloc_xml_libxml.so,hwloc_pci.so");
    const EnvironmentOverride errors("HWLOC_HIDE_ERRORS", "2");
    const EnvironmentOverride components("HWLOC_COMPONENTS", nullptr);
    const EnvironmentOverride xml("HWLOC_XMLFILE", nullptr);
    const EnvironmentOverride synthetic("HWLOC_SYNTHETIC", nullptr);
    const EnvironmentOverride file_system("HWLOC_FSROOT", nullptr);
    HwlocTopology result;
    result.set_filters(devices);
    if (hwloc_topology_load(result.topology_.get()) != 0)
        fail(ErrorCode::system,
             "read the topology of this host: hwloc cannot (does `lstopo` work here? are /proc and "
             "/sys mounted?)");
    return result;
}

HwlocTopology HwlocTopology::load_synthetic(const std::string& description) {
    const EnvironmentOverride errors("HWLOC_HIDE_ERRORS", "2");
    const EnvironmentOverride verbose("HWLOC_SYNTHETIC_VERBOSE", nullptr);
    HwlocTopology result;
    if (hwloc_topology_set_synthetic(result.topology_.get(), description.c_str()) == 0) {
        result.set_filters(false);
        if (hwloc_topology_load(result.topology_.get()) == 0) return result;
    }
    fail(ErrorCode::usage,
         "read the topology '{}': hwloc does not understand it (it looks like \"pack:2 numa:2 l3:2 "
         "core:4 pu:2\")",
         description);
}

HwlocTopology HwlocTopology::load_xml(const std::string& text, const std::string& source) {
    // hwloc's own parser, whatever is installed: it takes what read_machine() hands it.
    const EnvironmentOverride plugins("HWLOC_PLUGINS_PATH", "/dev/null");
    const EnvironmentOverride errors("HWLOC_HIDE_ERRORS", "2");
    const EnvironmentOverride components("HWLOC_COMPONENTS", nullptr);
    const EnvironmentOverride this_system("HWLOC_THISSYSTEM", nullptr);
    HwlocTopology result;
    // The length counts the byte that ends the text.
    if (hwloc_topology_set_xmlbuffer(result.topology_.get(), text.c_str(),
                                     static_cast<int>(text.size() + 1)) == 0) {
        result.set_filters(true);
        if (hwloc_topology_load(result.topology_.get()) == 0) return result;
    }
    fail(ErrorCode::usage,
         "read the topology {}: hwloc cannot make a machine of it (does `lstopo -i {}` show one?)",
         source, source);
}

Machine HwlocTopology::machine(const std::vector<int>& allowed_cpus) const {
    hwloc_topology* const topology = topology_.get();
    Machine machine;
    machine.numa_nodes = numa_nodes(topology);
    machine.model = processor_model(topology);
    if (const char* name = hwloc_obj_get_info_by_name(hwloc_get_root_obj(topology), "HostName");
        name != nullptr)
        machine.host = name;
    machine.memory_bytes = hwloc_get_root_obj(topology)->total_memory;
    Numbering packages, caches, second_level;
    hwloc_obj_t last_core = nullptr;
    for (hwloc_obj_t pu = nullptr;
         (pu = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PU, pu)) != nullptr;) {
        const int cpu = static_cast<int>(pu->os_index);
        if (!std::binary_search(allowed_cpus.begin(), allowed_cpus.end(), cpu)) continue;
        hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_CORE, pu);
        if (core == nullptr) core = pu;  // some virtual machines know no cores
        if (core != last_core) {
            last_core = core;
            hwloc_obj_t package = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_PACKAGE, pu);
            hwloc_obj_t cache = outermost_cache(pu);
            if (machine.last_level_cache_bytes == 0 && cache != nullptr)
                machine.last_level_cache_bytes = cache->attr->cache.size;
            machine.cores.push_back(
                {.cpus = {},
                 .package = packages.number(package),
                 .numa_node = nearest_node(topology, pu),
                 .last_level_cache = caches.number(cache != nullptr ? cache : package),
                 .l2 = second_level.number(second_level_cache(core))});
        }
        machine.cores.back().cpus.push_back(cpu);
    }
    if (machine.cores.empty())
        fail(ErrorCode::system,
             "read the topology: hwloc shows none of the CPUs that this process may use (compare "
             "`lstopo` with `taskset -p $$`)");
    for (Core& core : machine.cores) std::sort(core.cpus.begin(), core.cpus.end());
    machine.packages = packages.count();
    // hwloc orders by CPU number where it sees no level between package and core, and placement
    // counts on neighbours being near.
    std::stable_sort(machine.cores.begin(), machine.cores.end(), [](const Core& a, const Core& b) {
        return std::tie(a.package, a.numa_node, a.last_level_cache) <
               std::tie(b.package, b.numa_node, b.last_level_cache);
    });
    if (devices_) {
        add_memory(machine, topology);
        const DeviceObjects objects = add_devices(machine, topology);
        add_gpu_links(machine, topology, objects);
    }
    return machine;
}

std::vector<int> HwlocTopology::all_cpus() const {
    std::vector<int> cpus;
    for (hwloc_obj_t pu = nullptr;
         (pu = hwloc_get_next_obj_by_type(topology_.get(), HWLOC_OBJ_PU, pu)) != nullptr;)
        cpus.push_back(static_cast<int>(pu->os_index));
    std::sort(cpus.begin(), cpus.end());
    return cpus;
}

}  // namespace ipcrun::topology
