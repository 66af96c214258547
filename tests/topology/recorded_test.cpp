// SPDX-License-Identifier: Apache-2.0
// Proves that real machines that were recorded elsewhere are read for what they are.
#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <set>

#include "base/error.hpp"
#include "tests/topology/machine_files.hpp"
#include "topology/discover/source.hpp"

using namespace ipcrun;
using namespace ipcrun::topology;
using namespace ipcrun::testing;
using doctest::Approx;

namespace {

/// nullopt: it is not here, which is said.
std::optional<Machine> read(const std::string& name) {
    const std::string path = recorded_machine(name);
    if (path.empty()) {
        MESSAGE("skipped: ", name, " is not here");
        return std::nullopt;
    }
    const auto start = std::chrono::steady_clock::now();
    Machine machine = read_machine_apart(path);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(2));
    return machine;
}

const Bridge& above(const Machine& machine, int bridge) {
    return machine.bridges[static_cast<std::size_t>(bridge)];
}

/// Does this NIC hang on the same first switch as the GPU?
bool beside(const Machine& machine, const Gpu& gpu, const Nic& nic) {
    std::set<int> bridges;
    for (int at = gpu.bridge; at >= 0; at = above(machine, at).parent)
        if (!above(machine, at).pci_id.empty()) bridges.insert(at);
    for (int at = nic.bridge; at >= 0; at = above(machine, at).parent)
        if (bridges.contains(at)) return true;
    return false;
}

}  // namespace

TEST_CASE("recorded: four H200 reach each other, and each has a NIC beside it") {
    const auto machine = read("01-turin-2xEPYC9555-4xH200-ndr.xml");
    if (!machine) return;
    CHECK(machine->cores.size() == 128);
    CHECK(machine->numa_nodes.size() == 8);
    CHECK(machine->numa_nodes[3].gbytes_per_s == Approx(115.2));
    REQUIRE(machine->gpus.size() == 4);
    CHECK(machine->gpu_links.size() == 6);
    for (const GpuLink& link : machine->gpu_links) {
        CHECK(link.gbytes_per_s == 150);
        CHECK_FALSE(link.switched);
    }
    for (const Gpu& gpu : machine->gpus) {
        CHECK(gpu.gbytes_per_s == Approx(63.015).epsilon(1e-4));
        int nics = 0;
        for (const Nic& nic : machine->nics) nics += beside(*machine, gpu, nic) ? 1 : 0;
        CHECK(nics == 1);
    }
}

TEST_CASE("recorded: sixteen V100 reach each other through switches") {
    const auto machine = read("03-dgx2-16xV100-12nvswitch.xml");
    if (!machine) return;
    CHECK(machine->gpus.size() == 16);
    REQUIRE(machine->gpu_links.size() == 120);
    for (const GpuLink& link : machine->gpu_links)
        CHECK(link == GpuLink{link.a, link.b, 150, true});
}

TEST_CASE("recorded: P100 have links to their processor and to one other") {
    const auto machine = read("04-power8-4xP100-nvlink-cpu.xml");
    if (!machine) return;
    REQUIRE(machine->gpus.size() == 4);
    for (const Gpu& gpu : machine->gpus) CHECK(gpu.host_gbytes_per_s == 40);
    CHECK(machine->gpu_links == std::vector<GpuLink>{{0, 1, 40, false}, {2, 3, 40, false}});
}

TEST_CASE("recorded: each die of an MI250X is a GPU beside a cache of its own") {
    const auto machine = read("06-trento-tioga-8xMI250X-4xslingshot.xml");
    if (!machine) return;
    REQUIRE(machine->gpus.size() == 8);
    std::set<int> caches;
    for (const Gpu& gpu : machine->gpus) caches.insert(gpu.near.last_level_cache);
    CHECK(caches == std::set<int>{0, 1, 2, 3, 4, 5, 6, 7});
    CHECK(machine->gpu_links.size() == 28);
    int slingshot = 0;
    for (const Nic& nic : machine->nics)
        slingshot += nic.network_gbytes_per_s == 25 && nic.near.last_level_cache >= 0 ? 1 : 0;
    CHECK(slingshot == 4);
}

TEST_CASE("recorded: T4 whose links idle are not slow") {
    const auto machine = read("08-aws-g4dn-metal-8xT4-efa.xml");
    if (!machine) return;
    REQUIRE(machine->gpus.size() == 8);
    for (const Gpu& gpu : machine->gpus) {
        CHECK(gpu.gbytes_per_s == Approx(15.754).epsilon(1e-4));
        CHECK(above(*machine, gpu.bridge).gbytes_per_s == Approx(15.754).epsilon(1e-4));
    }
    REQUIRE(machine->nics.size() == 2);
    CHECK(machine->nics[0].name == "rdmap197s0");
}

TEST_CASE("recorded: 24 packages have latencies between all of them") {
    const auto machine = read("10-24socket-numa-192core-mlx4.xml");
    if (!machine) return;
    CHECK(machine->packages == 24);
    REQUIRE(machine->numa_latencies.size() == 24 * 24);
    CHECK(machine->numa_latencies[0] == 10);
    CHECK(std::set<double>(machine->numa_latencies.begin(), machine->numa_latencies.end()).size() >=
          3);
    CHECK(machine->gpus.empty());  // its screen is none
}

TEST_CASE("recorded: an Omni-Path node has its fabric") {
    const auto machine = read("13-quartz-2xBDW-omnipath.xml");
    if (!machine) return;
    REQUIRE_FALSE(machine->nics.empty());
    CHECK(machine->nics.back().name == "hfi1_0");
    CHECK(machine->nics.back().network_gbytes_per_s == 12.5);
}

TEST_CASE("recorded: 192 cores share 24 last-level caches") {
    const auto machine = read("15-2xEPYC9654-24ccd.xml");
    if (!machine) return;
    CHECK(machine->cores.size() == 192);
    std::set<int> caches;
    for (const Core& core : machine->cores) caches.insert(core.last_level_cache);
    CHECK(caches.size() == 24);
}

TEST_CASE("recorded: NCCL's file of a cloud has its switches, GPUs and NICs") {
    const auto machine = read("aws-p4d-24xl-topo.xml");
    if (!machine) return;
    CHECK(machine->cores.size() == 48);
    CHECK(machine->gpus.size() == 8);
    REQUIRE(machine->nics.size() == 4);
    CHECK(machine->nics[0].network_gbytes_per_s == 12.5);
    for (int i = 0; i < 4; ++i)
        CHECK(beside(*machine, machine->gpus[static_cast<std::size_t>(2 * i)],
                     machine->nics[static_cast<std::size_t>(i)]));
}

TEST_CASE("recorded: NCCL's file of a virtual machine without PCI speeds knows its A100") {
    const auto machine = read("azure-ncv4-topo.xml");
    if (!machine) return;
    CHECK(machine->numa_nodes.size() == 4);
    REQUIRE(machine->gpus.size() == 4);
    CHECK(machine->gpus[3].gbytes_per_s == Approx(31.508).epsilon(1e-4));
    CHECK(machine->gpu_links.empty());  // it names each GPU as its own peer
}

TEST_CASE("recorded: NCCL's graph is no machine, which is said") {
    const std::string path = recorded_machine("azure-ncv4-graph.xml");
    if (path.empty()) return;
    CHECK_THROWS_WITH_AS((void)read_machine_apart(path), doctest::Contains("not the machine"),
                         Error);
}
