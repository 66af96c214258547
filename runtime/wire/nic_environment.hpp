// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The environment variables that tell a rank which NIC its placement gave it. Not set where none
/// is known.

namespace ipcrun {

/// "mlx5_0".
constexpr const char* nic_variable = "IPCRUN_NIC";
/// "0000:41:00.0"; not set for one that is not on PCI.
constexpr const char* nic_pci_variable = "IPCRUN_NIC_PCI";

}  // namespace ipcrun
