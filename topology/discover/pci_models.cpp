// SPDX-License-Identifier: Apache-2.0
#include "topology/discover/pci_models.hpp"

namespace ipcrun::topology {

namespace {

constexpr std::uint16_t nvidia = 0x10de, amd = 0x1002, intel = 0x8086, mellanox = 0x15b3,
                        broadcom = 0x14e4, amazon = 0x1d0f, cray = 0x17db;

/// Kinds from `first` to `last` of one maker, numbered as in pci.ids (https://pci-ids.ucw.cz).
struct GpuRange {
    std::uint16_t vendor, first, last;
    KnownLink link;
};

// Generations and lanes are those of the makers' data sheets.
constexpr GpuRange gpus[] = {
    {nvidia, 0x15f7, 0x15f9, {3, 16}},  // GP100: P100
    {nvidia, 0x1b30, 0x1b38, {3, 16}},  // GP102: P40
    {nvidia, 0x1db0, 0x1df6, {3, 16}},  // GV100: V100
    {nvidia, 0x1e30, 0x1eb9, {3, 16}},  // TU102, TU104: T4 (some boards wire 8 lanes)
    {nvidia, 0x20b0, 0x20bf, {4, 16}},  // GA100: A100, A30
    {nvidia, 0x20f0, 0x20ff, {4, 16}},  // GA100: A800
    {nvidia, 0x2230, 0x2238, {4, 16}},  // GA102: A40, A10, A10G
    {nvidia, 0x25b6, 0x25b6, {4, 8}},   // GA107: A2, A16
    {nvidia, 0x2302, 0x2348, {5, 16}},  // GH100: H100, H200, H20, GH200
    {nvidia, 0x26b1, 0x26ba, {4, 16}},  // AD102: L40, L40S
    {nvidia, 0x27b0, 0x27b8, {4, 16}},  // AD104: L4
    {nvidia, 0x2901, 0x2941, {5, 16}},  // GB100: B100, B200, GB200
    {amd, 0x66a0, 0x66a3, {4, 16}},     // Vega 20: MI50, MI60
    {amd, 0x738c, 0x738e, {4, 16}},     // Arcturus: MI100
    {amd, 0x7408, 0x7410, {4, 16}},     // Aldebaran: MI250X, MI210
    {amd, 0x74a0, 0x74bd, {5, 16}},     // Aqua Vanjaram: MI300A, MI300X, MI325X
    {amd, 0x75a0, 0x75a3, {5, 16}},     // MI350X, MI355X
    {intel, 0x0bd0, 0x0be5, {5, 16}},   // Ponte Vecchio: Max 1550, Max 1100
    {intel, 0x56c0, 0x56c1, {4, 16}},   // Flex 170, Flex 140
};

struct NicModel {
    PciModel model;
    double gigabits_per_s;  ///< of all its ports behind one PCI function, for the fastest variant
};

constexpr NicModel nics[] = {
    {{mellanox, 0x1003}, 56},   // ConnectX-3
    {{mellanox, 0x1007}, 56},   // ConnectX-3 Pro
    {{mellanox, 0x1011}, 56},   // Connect-IB
    {{mellanox, 0x1013}, 100},  // ConnectX-4
    {{mellanox, 0x1015}, 25},   // ConnectX-4 Lx
    {{mellanox, 0x1017}, 100},  // ConnectX-5
    {{mellanox, 0x1019}, 100},  // ConnectX-5 Ex
    {{mellanox, 0x101b}, 200},  // ConnectX-6
    {{mellanox, 0x101d}, 100},  // ConnectX-6 Dx
    {{mellanox, 0x101f}, 25},   // ConnectX-6 Lx
    {{mellanox, 0x1021}, 400},  // ConnectX-7
    {{mellanox, 0x1023}, 800},  // ConnectX-8
    {{mellanox, 0xa2d6}, 100},  // BlueField-2
    {{mellanox, 0xa2dc}, 400},  // BlueField-3
    {{intel, 0x24f0}, 100},     // Omni-Path 100
    {{intel, 0x24f1}, 100},     // Omni-Path 100, integrated
    {{intel, 0x1521}, 1},       // I350
    {{intel, 0x1533}, 1},       // I210
    {{intel, 0x1537}, 1},       // I210, backplane
    {{intel, 0x1528}, 10},      // X540
    {{intel, 0x1563}, 10},      // X550
    {{intel, 0x10fb}, 10},      // 82599
    {{intel, 0x1572}, 10},      // X710
    {{intel, 0x158b}, 25},      // XXV710
    {{intel, 0x1583}, 40},      // XL710
    {{intel, 0x1592}, 100},     // E810-C
    {{intel, 0x1593}, 100},     // E810-C, SFP
    {{broadcom, 0x1639}, 1},    // BCM5709
    {{broadcom, 0x1750}, 100},  // BCM57508
    {{broadcom, 0x1760}, 400},  // BCM57608
    {{cray, 0x0501}, 200},      // Slingshot, Cassini
    {{amazon, 0xefa0}, 100},    // EFA
    {{amazon, 0xefa1}, 100},    // EFA of the second generation
    {{amazon, 0xefa2}, 200},    // EFA of the third generation
};

}  // namespace

GpuVendor gpu_vendor_of(std::uint16_t pci_vendor) {
    switch (pci_vendor) {
        case nvidia:
            return GpuVendor::nvidia;
        case amd:
            return GpuVendor::amd;
        case intel:
            return GpuVendor::intel;
        default:
            return GpuVendor::other;
    }
}

KnownLink known_gpu_link(PciModel model) {
    for (const GpuRange& range : gpus)
        if (model.vendor == range.vendor && model.device >= range.first &&
            model.device <= range.last)
            return range.link;
    return {};
}

double network_gbytes_per_s(PciModel model) {
    for (const NicModel& nic : nics)
        if (model.vendor == nic.model.vendor && model.device == nic.model.device)
            return nic.gigabits_per_s / 8;
    return 0;
}

double nvlink_gbytes_per_s(int compute_capability) {
    // NVIDIA's architecture white papers: what the links of a GPU do together, each direction, over
    // their number: 160/2/4 (P100), 300/2/6 (V100), 600/2/12 (A100), 900/2/18 (H100), 1800/2/18
    // (B200); GA102 has 112.5/2/4.
    if (compute_capability < 60) return 0;
    if (compute_capability < 70) return 20;
    if (compute_capability == 86) return 14.0625;
    return compute_capability < 100 ? 25 : 50;
}

double xgmi_gbytes_per_s(int architecture) {
    // AMD's data sheets and CDNA white papers: 92 GB/s a link for MI50 to MI100, 100 for MI200, 128
    // for MI300, both directions together.
    if (architecture < 910) return 46;
    return architecture < 940 ? 50 : 64;
}

}  // namespace ipcrun::topology
