// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What NVIDIA's management library tells of its GPUs. hwloc as Debian builds it does not ask; we
/// load the library where there is one, and need none of its headers.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "topology/machine.hpp"

namespace ipcrun::topology {

struct NvmlLink {
    enum class Peer : std::uint8_t { gpu, nvswitch, processor };
    Peer peer = Peer::gpu;
    std::string pci_id;  ///< of the GPU at its other end
};

struct NvmlGpu {
    std::string name;  ///< "nvml0": the library's number
    std::string pci_id;
    std::string uuid;         ///< "GPU-2f0d…"
    std::string model;        ///< "NVIDIA H200"
    std::uint64_t bytes = 0;  ///< of its memory
    double gbytes_per_s =
        0;  ///< of its PCI link, for the best that GPU and slot can do; 0: unknown
    int compute_capability = 0;        ///< "9.0" is 90; 0: unknown
    bool chip_to_chip = false;         ///< coherent link to the processor (Grace)
    std::vector<NvmlLink> links = {};  ///< NVLinks that are up
};

/// Asks `library`, which dlopen(3) finds. Empty where there is no such library, no driver, or no
/// GPU: none of that is an error. Some 20 ms where the driver keeps its state, a second where not.
std::vector<NvmlGpu> read_nvml(const std::string& library = "libnvidia-ml.so.1");

/// Completes the GPUs of `machine` with these, by PCI id. GPUs that hwloc did not see (containers
/// without /sys) come in addition, near nothing. Links between GPUs are added unless some are
/// known.
void add_nvml(Machine& machine, const std::vector<NvmlGpu>& gpus);

}  // namespace ipcrun::topology
