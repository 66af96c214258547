// SPDX-License-Identifier: Apache-2.0
#include "topology/place/nic_choice.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <tuple>

#include "topology/place/nearness.hpp"

namespace ipcrun::topology {

NicChoice::NicChoice(const Machine& machine) : machine_(machine), users_(machine.nics.size()) {
    double fastest = 0;
    for (const Nic& nic : machine.nics) fastest = std::max(fastest, nic.network_gbytes_per_s);
    for (std::size_t nic = 0; nic < machine.nics.size(); ++nic)
        if (4 * machine.nics[nic].network_gbytes_per_s >= fastest)
            candidates_.push_back(static_cast<int>(nic));
}

int NicChoice::next(int gpu, const std::vector<int>& cores) {
    struct Merit {
        int from_gpu = 0;
        Distance from_cores = {};
        double speed = 0;  // negative, so that less is better
        int hops = 0;
        int users = 0;
        auto operator<=>(const Merit&) const = default;
    };
    std::optional<Merit> best;
    int chosen = -1;
    for (const int candidate : candidates_) {
        const Nic& nic = machine_.nics[static_cast<std::size_t>(candidate)];
        Merit merit{.speed = -nic.network_gbytes_per_s,
                    .users = users_[static_cast<std::size_t>(candidate)]};
        PciDistance from_gpu;
        if (gpu >= 0)
            from_gpu = distance(machine_, machine_.gpus[static_cast<std::size_t>(gpu)], nic);
        merit.from_gpu = from_gpu.kind;
        merit.hops = from_gpu.hops;
        // Cores decide only where the GPU does not.
        if (from_gpu.kind == PciDistance::machine)
            merit.from_cores = distance(machine_, cores, nic.near);
        if (best && !(merit < *best)) continue;
        best = merit;
        chosen = candidate;
    }
    if (chosen >= 0) ++users_[static_cast<std::size_t>(chosen)];
    return chosen;
}

}  // namespace ipcrun::topology
