// SPDX-License-Identifier: Apache-2.0
// What load_fabric() finds in libipcrun-fabric.so.
#include "runtime/fabric/open_fabric.hpp"

extern "C" {

__attribute__((visibility("default"))) extern const char* const ipcrun_fabric_version =
    IPCRUN_VERSION;

__attribute__((visibility("default"))) ipcrun::Fabric* ipcrun_open_fabric(
    std::string_view wish, const ipcrun::Address* own) {
    return ipcrun::open_first(ipcrun::choose_fabrics(wish, *own), wish != "auto").release();
}
}
