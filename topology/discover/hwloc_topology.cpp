// SPDX-License-Identifier: Apache-2.0
#include "topology/discover/hwloc_topology.hpp"

#include <hwloc.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/fail.hpp"

namespace ipcrun::topology {

namespace {

/// Sets or removes an environment variable as long as it lives.
class VariableOverride {
  public:
    VariableOverride(const char* name, const char* value) : name_(name) {
        if (const char* old = std::getenv(name)) old_ = old;
        set(value);
    }
    VariableOverride(const VariableOverride&) = delete;
    ~VariableOverride() { set(old_ ? old_->c_str() : nullptr); }

  private:
    // Fails only without memory; then hwloc is slower, or noisy, and no less right.
    void set(const char* value) {
        (void)(value == nullptr ? ::unsetenv(name_) : ::setenv(name_, value, 1));
    }
    const char* name_;
    std::optional<std::string> old_;
};

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

void HwlocTopology::load(const char* source) {
    hwloc_topology* const topology = topology_.get();
    unsigned long flags = 0;
#if HWLOC_API_VERSION >= 0x00020800
    flags |= HWLOC_TOPOLOGY_FLAG_NO_DISTANCES | HWLOC_TOPOLOGY_FLAG_NO_MEMATTRS |
             HWLOC_TOPOLOGY_FLAG_NO_CPUKINDS;
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
    // The cpuid back end visits every CPU of the machine in turn; sysfs says the same.
    (void)hwloc_topology_set_components(topology, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, "x86");
    if (hwloc_topology_load(topology) != 0)
        fail(ErrorCode::system,
             "read the topology of {}: hwloc cannot (does `lstopo` work here? are /proc and /sys "
             "mounted?)",
             source);
}

HwlocTopology HwlocTopology::load_host() {
    // Plug-ins (OpenGL, OpenCL, libxml, PCI) take ten times as long to load as the host to read.
    const VariableOverride plugins("HWLOC_PLUGINS_PATH", "/dev/null");
    const VariableOverride errors("HWLOC_HIDE_ERRORS", "2");
    const VariableOverride components("HWLOC_COMPONENTS", nullptr);
    const VariableOverride xml("HWLOC_XMLFILE", nullptr);
    const VariableOverride synthetic("HWLOC_SYNTHETIC", nullptr);
    const VariableOverride file_system("HWLOC_FSROOT", nullptr);
    HwlocTopology result;
    result.load("this host");
    return result;
}

HwlocTopology HwlocTopology::load_synthetic(const std::string& description) {
    HwlocTopology result;
    if (hwloc_topology_set_synthetic(result.topology_.get(), description.c_str()) != 0)
        fail(ErrorCode::usage, "read the topology '{}': hwloc does not understand it", description);
    result.load(description.c_str());
    return result;
}

Machine HwlocTopology::machine(const std::vector<int>& allowed_cpus) const {
    hwloc_topology* const topology = topology_.get();
    Machine machine;
    machine.numa_nodes = numa_nodes(topology);
    Numbering packages, caches;
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
                 .last_level_cache = caches.number(cache != nullptr ? cache : package)});
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
    return machine;
}

}  // namespace ipcrun::topology
