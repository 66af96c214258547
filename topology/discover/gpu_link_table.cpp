// SPDX-License-Identifier: Apache-2.0
#include "topology/discover/gpu_link_table.hpp"

#include <algorithm>

namespace ipcrun::topology {

void GpuLinkTable::add_to(Machine& machine) const {
    for (std::size_t a = 0; a < count_; ++a) {
        Gpu& gpu = machine.gpus[a];
        gpu.host_gbytes_per_s = std::max(gpu.host_gbytes_per_s, host_[a]);
        for (std::size_t b = a + 1; b < count_; ++b) {
            // Both ends tell of the same link.
            const double direct = std::max(direct_[a * count_ + b], direct_[b * count_ + a]);
            const double switched = std::min(switched_[a], switched_[b]);
            if (direct <= 0 && switched <= 0) continue;
            machine.gpu_links.push_back({.a = static_cast<int>(a),
                                         .b = static_cast<int>(b),
                                         .gbytes_per_s = std::max(direct, switched),
                                         .switched = switched > direct});
        }
    }
}

}  // namespace ipcrun::topology
