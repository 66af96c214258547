// SPDX-License-Identifier: Apache-2.0
#include "topology/discover/hwloc_links.hpp"

#include <hwloc.h>
#include <hwloc/distances.h>
#include <hwloc/memattrs.h>

#include <cstring>
#include <utility>
#include <vector>

#include "topology/discover/gpu_link_table.hpp"

namespace ipcrun::topology {

namespace {

/// One matrix, given back to hwloc when it goes.
class Matrix {
  public:
    Matrix(hwloc_topology_t topology, const char* name) : topology_(topology) {
        unsigned count = 1;
        if (hwloc_distances_get_by_name(topology, name, &count, &distances_, 0) != 0 || count == 0)
            distances_ = nullptr;
    }
    Matrix(const Matrix&) = delete;
    ~Matrix() {
        if (distances_ != nullptr) hwloc_distances_release(topology_, distances_);
    }
    std::size_t size() const { return distances_ != nullptr ? distances_->nbobjs : 0; }
    hwloc_obj_t object(std::size_t i) const { return distances_->objs[i]; }  ///< null: gone
    double value(std::size_t from, std::size_t to) const {
        return static_cast<double>(distances_->values[from * size() + to]);
    }

  private:
    hwloc_topology_t topology_;
    hwloc_distances_s* distances_ = nullptr;
};

constexpr int no_gpu = -1;

int gpu_of(hwloc_obj_t object, const DeviceObjects& gpus) {
    while (object != nullptr && object->type == HWLOC_OBJ_OS_DEVICE) object = object->parent;
    for (const auto& [pci, index] : gpus)
        if (pci == object) return index;
    return no_gpu;
}

bool is_switch(hwloc_obj_t object) {
    return object != nullptr && object->subtype != nullptr &&
           std::strcmp(object->subtype, "NVSwitch") == 0;
}

bool is_processor(hwloc_obj_t object) {
    return object != nullptr &&
           (object->type == HWLOC_OBJ_PACKAGE || object->type == HWLOC_OBJ_NUMANODE);
}

/// hwloc has transformations of its own for what switches mean: one of them empties the matrices of
/// machines without switches (seen with 2.9.0).
GpuLinkTable read_links(const Matrix& matrix, const DeviceObjects& gpus, std::size_t count) {
    GpuLinkTable table(count);
    for (std::size_t from = 0; from < matrix.size(); ++from) {
        const int gpu = gpu_of(matrix.object(from), gpus);
        if (gpu == no_gpu) continue;
        const auto a = static_cast<std::size_t>(gpu);
        for (std::size_t to = 0; to < matrix.size(); ++to) {
            const hwloc_obj_t other = matrix.object(to);
            const double gbytes_per_s = matrix.value(from, to) / 1000;
            // What a GPU has to itself stands for its memory.
            if (from == to || gbytes_per_s <= 0 || gbytes_per_s > 1e5) continue;
            if (const int b = gpu_of(other, gpus); b != no_gpu)
                table.add_direct(a, static_cast<std::size_t>(b), gbytes_per_s);
            else if (is_switch(other))
                table.add_switched(a, gbytes_per_s);
            else if (is_processor(other))
                table.add_host(a, gbytes_per_s);
        }
    }
    return table;
}

void add_latencies(Machine& machine, hwloc_topology_t topology) {
    const Matrix matrix(topology, "NUMALatency");
    const std::size_t count = machine.numa_nodes.size();
    if (matrix.size() != count) return;
    std::vector<double> latencies(count * count);
    for (std::size_t from = 0; from < count; ++from)
        for (std::size_t to = 0; to < count; ++to) {
            const hwloc_obj_t row = matrix.object(from), column = matrix.object(to);
            if (row == nullptr || column == nullptr || row->type != HWLOC_OBJ_NUMANODE ||
                column->type != HWLOC_OBJ_NUMANODE)
                return;
            latencies[row->logical_index * count + column->logical_index] = matrix.value(from, to);
        }
    machine.numa_latencies = std::move(latencies);
}

}  // namespace

void add_gpu_links(Machine& machine, hwloc_topology* topology, const DeviceObjects& gpus) {
    for (const char* name : {"NVLinkBandwidth", "XGMIBandwidth", "XeLinkBandwidth"})
        read_links(Matrix(topology, name), gpus, machine.gpus.size()).add_to(machine);
}

void add_memory(Machine& machine, hwloc_topology* topology) {
    add_latencies(machine, topology);
    for (hwloc_obj_t node = nullptr;
         (node = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, node)) != nullptr;) {
        hwloc_location initiator{};
        initiator.type = HWLOC_LOCATION_TYPE_CPUSET;
        initiator.location.cpuset = node->cpuset;
        hwloc_uint64_t megabytes_per_s = 0;
        if (hwloc_memattr_get_value(topology, HWLOC_MEMATTR_ID_BANDWIDTH, node, &initiator, 0,
                                    &megabytes_per_s) == 0)
            machine.numa_nodes[node->logical_index].gbytes_per_s =
                static_cast<double>(megabytes_per_s) / 1000;
    }
}

}  // namespace ipcrun::topology
