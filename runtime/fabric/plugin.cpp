// SPDX-License-Identifier: Apache-2.0
// What load_fabric() finds in libipcrun-fabric.so.
#include "runtime/fabric/libfabric_fabric.hpp"
#include "runtime/fabric/offers.hpp"

extern "C" {

__attribute__((visibility("default"))) extern const char* const ipcrun_fabric_version =
    IPCRUN_VERSION;

__attribute__((visibility("default"))) ipcrun::Fabric* ipcrun_open_fabric(
    std::string_view wish, const ipcrun::Address* own) {
    ipcrun::FabricInfo info = ipcrun::choose_fabric(wish, *own);
    return info == nullptr ? nullptr : new ipcrun::LibfabricFabric(std::move(info));
}
}
