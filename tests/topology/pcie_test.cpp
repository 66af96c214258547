// SPDX-License-Identifier: Apache-2.0
// Proves what links of PCI Express carry, and that idle speeds are seen through.
#include "topology/discover/pcie.hpp"

#include <doctest/doctest.h>

using namespace ipcrun::topology;
using doctest::Approx;

namespace {

constexpr PciModel t4{0x10de, 0x1eb8}, h100{0x10de, 0x2330}, unknown{0x10de, 0x0001};

/// A GPU below a root port, with what each end reads.
Machine one_gpu(double own, double port) {
    Machine machine;
    machine.bridges = {{-1, "", 0, {}}, {0, "0000:00:01.0", port, {}}};
    Gpu gpu;
    gpu.name = "gpu0";
    gpu.bridge = 1;
    gpu.gbytes_per_s = own;
    machine.gpus = {gpu};
    return machine;
}

double settled(double own, double port, GpuReading reading) {
    Machine machine = one_gpu(own, port);
    settle_links(machine, {reading});
    CHECK(machine.bridges[1].gbytes_per_s >= machine.gpus[0].gbytes_per_s);
    return machine.gpus[0].gbytes_per_s;
}

}  // namespace

TEST_CASE("pcie: rates count the line code of their generation") {
    CHECK(pcie_gbytes_per_s(2.5, 8) == Approx(2.0));
    CHECK(pcie_gbytes_per_s(8, 16) == Approx(15.754).epsilon(1e-4));
    CHECK(pcie_gbytes_per_s(32, 16) == Approx(63.015).epsilon(1e-4));
    CHECK(pcie_gbytes_per_s(64, 16) == Approx(121).epsilon(1e-4));
    CHECK(pcie_gbytes_per_s(8, 255) == 0);
    CHECK(pcie_gbytes_per_s(-1, 4) == 0);
}

TEST_CASE("pcie: the kernel's and NCCL's rates are read") {
    CHECK(parse_transfer_rate("8.0 GT/s PCIe\n") == 8);
    CHECK(parse_transfer_rate("2.5 GT/s") == 2.5);
    CHECK_FALSE(parse_transfer_rate("Unknown"));
    CHECK_FALSE(parse_transfer_rate(""));
}

TEST_CASE("pcie: the better end of a link tells how fast it is") {
    CHECK(settled(15.753846, 2.0, {t4}) == Approx(15.753846));
    CHECK(settled(2.0, 15.753846, {unknown}) == Approx(15.753846));
}

TEST_CASE("pcie: a link that idles at both ends has what its kind of GPU has on as many lanes") {
    CHECK(settled(2.0, 2.0, {t4}) == Approx(7.8769).epsilon(1e-4));
    CHECK(settled(4.0, 4.0, {t4}) == Approx(15.754).epsilon(1e-4));
    CHECK(settled(0, 0, {h100}) == Approx(63.015).epsilon(1e-4));
    CHECK(settled(2.0, 2.0, {unknown}) == Approx(2.0));
}

TEST_CASE("pcie: a slot of an older generation is believed unless the reading is capped") {
    CHECK(settled(15.753846, 15.753846, {h100, false}) == Approx(15.753846));
    CHECK(settled(15.753846, 4.0, {h100, true}) == Approx(63.015).epsilon(1e-4));
    CHECK(settled(15.753846, 15.753846, {h100, true}) == Approx(15.753846));
}

TEST_CASE("pcie: a switch's narrow link upwards stays narrow") {
    Machine machine;
    machine.bridges = {{-1, "", 0, {}},
                       {0, "0000:00:01.0", 7.876923, {}},
                       {1, "0000:01:00.0", 7.876923, {}},
                       {2, "0000:02:00.0", 15.753846, {}}};
    Gpu gpu;
    gpu.name = "gpu0";
    gpu.bridge = 3;
    gpu.gbytes_per_s = 15.753846;
    machine.gpus = {gpu};
    settle_links(machine, {{t4}});
    CHECK(machine.bridges[1].gbytes_per_s == Approx(7.876923));
    CHECK(machine.bridges[2].gbytes_per_s == Approx(7.876923));
    CHECK(machine.bridges[3].gbytes_per_s == Approx(15.753846));
}

TEST_CASE("pcie: ids are ordered by domain, and devices off PCI come last") {
    CHECK(pci_id_less("0000:10:00.0", "0001:00:00.0"));
    CHECK(pci_id_less("ffff:10:00.0", "10000:00:00.0"));
    CHECK(pci_id_less("0000:10:00.0", ""));
    CHECK_FALSE(pci_id_less("", ""));
}
