// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Machines that are written down: a few small ones of our own, and real ones that were recorded
/// elsewhere, where those are at hand.

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "topology/machine.hpp"

namespace ipcrun::testing {

/// The path of one of tests/topology/machines.
inline std::string own_machine(const std::string& name) {
    return IPCRUN_MACHINES "/" + name;
}

/// The path of a recorded machine; empty: it is not here. They lie beside the source tree, or
/// where IPCRUN_TOPOLOGIES says.
inline std::string recorded_machine(const std::string& name) {
    const char* folder = ::getenv("IPCRUN_TOPOLOGIES");
    const std::string path =
        std::string(folder != nullptr ? folder : IPCRUN_RECORDED_MACHINES) + "/" + name;
    return std::filesystem::exists(path) ? path : "";
}

/// The link between two GPUs; null: there is none.
inline const topology::GpuLink* link_between(const topology::Machine& machine, int a, int b) {
    for (const topology::GpuLink& link : machine.gpu_links)
        if (link.a == a && link.b == b) return &link;
    return nullptr;
}

}  // namespace ipcrun::testing
