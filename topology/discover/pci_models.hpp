// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What is known of devices by the numbers that name their kind.

#include "topology/discover/pcie.hpp"

namespace ipcrun::topology {

struct KnownLink {
    int generation = 0;  ///< of PCI Express; 0: unknown
    int lanes = 0;
};

/// The PCI link of GPUs of this kind.
KnownLink known_gpu_link(PciModel model);

/// GB/s each direction of one NVLink of a GPU with this compute capability ("9.0" is 90), 0: none.
double nvlink_gbytes_per_s(int compute_capability);

/// GB/s each direction of one XGMI link between GPUs of this architecture ("gfx90a" is 910, as
/// RCCL counts).
double xgmi_gbytes_per_s(int architecture);

}  // namespace ipcrun::topology
