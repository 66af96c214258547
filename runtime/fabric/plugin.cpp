// SPDX-License-Identifier: Apache-2.0
// What load_fabric() finds in libipcrun-fabric.so.

#include "base/environment.hpp"
#include "runtime/fabric/open_fabric.hpp"
#include "runtime/wire/nic_environment.hpp"

namespace {

std::string read(const char* variable) {
    return ipcrun::environment_variable(variable).value_or("");
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) extern const char* const ipcrun_fabric_version =
    IPCRUN_VERSION;

__attribute__((visibility("default"))) ipcrun::Fabric* ipcrun_open_fabric(
    std::string_view wish, const ipcrun::Address* own) {
    const ipcrun::OwnNic nic{.name = read(ipcrun::nic_variable),
                             .pci_id = read(ipcrun::nic_pci_variable)};
    return ipcrun::open_first(ipcrun::choose_fabrics(wish, *own, nic), wish != "auto").release();
}
}
