// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a PCI Express link carries, where what is read of it may be its idle speed: GPUs let their
/// links fall to the first generation while they have nothing to do.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "topology/machine.hpp"

namespace ipcrun::topology {

/// GB/s each direction of a link of so many GT/s and lanes, less the line code; 0 for nonsense.
double pcie_gbytes_per_s(double gigatransfers_per_s, int lanes);

/// GT/s of a generation, 1 to 6; 0 for others.
double pcie_gigatransfers_per_s(int generation);

/// The kernel's "8.0 GT/s PCIe" and NCCL's "8 GT/s" in GT/s; nullopt: "Unknown" and the like.
std::optional<double> parse_transfer_rate(std::string_view text);

/// "0000:41:00.0".
std::string format_pci_id(unsigned domain, unsigned bus, unsigned device, unsigned function);

/// Orders PCI ids: those without one last.
bool pci_id_less(const std::string& a, const std::string& b);

/// The numbers that name a PCI device's maker and kind.
struct PciModel {
    std::uint16_t vendor = 0;
    std::uint16_t device = 0;
};

GpuVendor gpu_vendor_of(std::uint16_t pci_vendor);

/// GB/s each direction of the network ports that NICs of this kind have, at their fastest; 0:
/// unknown.
double network_gbytes_per_s(PciModel model);

/// What is known of the link of a GPU beside what the Machine has of it.
struct GpuReading {
    PciModel model = {};
    bool capped = false;  ///< by hwloc before 2.10, which takes no NVIDIA link for more than gen 3
};

/// Takes the `gbytes_per_s` of bridges and devices, which are what each end of a link tells of it,
/// for readings, and puts the best in their place that the two ends and the kind of GPU are known
/// to do. `readings` belong to machine.gpus; empty: the kinds are not known. Values only grow, so
/// readings can be raised and settled again.
void settle_links(Machine& machine, const std::vector<GpuReading>& readings);

/// Does this bridge look at what is below it, as root ports and the lower ports of switches do? Its
/// reading is then of the link of the device below.
bool faces_down(const Machine& machine, int bridge);

}  // namespace ipcrun::topology
