// SPDX-License-Identifier: Apache-2.0
// Proves what is taken from NVIDIA's management library, for which one of our own stands in.
#include "topology/discover/nvml.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include "tests/topology/machine_files.hpp"
#include "topology/discover/source.hpp"

using namespace ipcrun::topology;
using namespace ipcrun::testing;
using doctest::Approx;

TEST_CASE("nvml: GPUs, what they are and their links are read") {
    const std::vector<NvmlGpu> gpus = read_nvml(IPCRUN_FAKE_NVML);
    REQUIRE(gpus.size() == 3);
    CHECK(gpus[1].name == "nvml1");
    CHECK(gpus[1].pci_id == "0000:83:00.0");
    CHECK(gpus[1].uuid == "GPU-1");
    CHECK(gpus[1].model == "NVIDIA A100");
    CHECK(gpus[1].bytes == 40ull << 30);
    CHECK(gpus[1].gbytes_per_s == Approx(31.508).epsilon(1e-4));
    CHECK(gpus[1].compute_capability == 80);
    CHECK_FALSE(gpus[1].chip_to_chip);
    REQUIRE(gpus[1].links.size() == 3);  // of four, one is down
    CHECK(gpus[1].links[0].pci_id == "0000:13:00.0");
    CHECK(gpus[2].links.size() == 1);
}

TEST_CASE("nvml: no library and no driver are no GPUs") {
    CHECK(read_nvml("libipcrun-no-such-library.so.1").empty());
    CHECK(read_nvml("libm.so.6").empty());  // a library, but another
    ::setenv("IPCRUN_FAKE_NVML", "broken", 1);
    CHECK(read_nvml(IPCRUN_FAKE_NVML).empty());
    ::unsetenv("IPCRUN_FAKE_NVML");
}

TEST_CASE("nvml: GPUs of a machine are completed by PCI id") {
    Machine machine = read_machine(own_machine("two_packages.xml"));
    machine.gpu_links.clear();
    machine.gpus[1].name = "gpu1";
    machine.gpus[1].gbytes_per_s = 4;
    machine.gpus[1].uuid.clear();
    add_nvml(machine, read_nvml(IPCRUN_FAKE_NVML));
    REQUIRE(machine.gpus.size() == 3);
    CHECK(machine.gpus[0].name == "cuda0");
    CHECK(machine.gpus[1].name == "nvml1");
    CHECK(machine.gpus[1].uuid == "GPU-1");
    CHECK(machine.gpus[1].near == Nearness{1, 1, 1});
    CHECK(machine.gpus[1].gbytes_per_s == Approx(31.508).epsilon(1e-4));
    CHECK(machine.gpus[2].pci_id == "0000:c0:00.0");  // which hwloc did not see
    CHECK(machine.gpus[2].bridge == -1);
    CHECK(machine.gpu_links == std::vector<GpuLink>{{0, 1, 75, false}});
}

TEST_CASE("nvml: links that are known already stay as they are") {
    Machine machine = read_machine(own_machine("two_packages.xml"));
    const std::vector<GpuLink> before = machine.gpu_links;
    add_nvml(machine, read_nvml(IPCRUN_FAKE_NVML));
    CHECK(machine.gpu_links == before);
}

TEST_CASE("nvml: what is no GPU at the other end of a link is a switch") {
    Machine machine;
    NvmlGpu gpu;
    gpu.name = "nvml0";
    gpu.pci_id = "0000:01:00.0";
    gpu.compute_capability = 90;
    gpu.links.assign(18, {.peer = NvmlLink::Peer::gpu, .pci_id = "ffff:ff:1f.0"});
    NvmlGpu other = gpu;
    other.pci_id = "0000:02:00.0";
    other.links.assign(18, {.peer = NvmlLink::Peer::nvswitch, .pci_id = ""});
    other.chip_to_chip = true;
    add_nvml(machine, {other, gpu});
    CHECK(machine.gpu_links == std::vector<GpuLink>{{0, 1, 450, true}});
    CHECK(machine.gpus[0].pci_id == "0000:01:00.0");
    CHECK(machine.gpus[0].host_gbytes_per_s == 0);
    CHECK(machine.gpus[1].host_gbytes_per_s == 450);
}
