// SPDX-License-Identifier: Apache-2.0
// Proves that machines are read from files of hwloc and of NCCL and from descriptions, and that
// what is none is refused with a line that helps.
#include "topology/discover/source.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "base/error.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/topology/machine_files.hpp"

using namespace ipcrun;
using namespace ipcrun::topology;
using namespace ipcrun::testing;
using doctest::Approx;

namespace {

std::string complaint(const std::string& source) {
    try {
        (void)read_machine(source);
    } catch (const Error& error) {
        CHECK(error.code == ErrorCode::usage);
        const std::string text = error.what();
        CHECK(text.find('\n') == std::string::npos);
        CHECK(text.find("read the topology ") == 0);
        return text;
    }
    return "";
}

bool says(const std::string& text, const char* what) {
    INFO(text);
    return text.find(what) != std::string::npos;
}

std::string text_of(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("source: hwloc's file tells of cores, memory, devices and links") {
    const Machine machine = read_machine(own_machine("two_packages.xml"));
    CHECK(machine.host == "example07");
    CHECK(machine.model == "Example 4000");
    CHECK(machine.packages == 2);
    REQUIRE(machine.cores.size() == 8);
    CHECK(machine.cores[7].l2 == 7);
    CHECK(machine.cores[7].last_level_cache == 1);
    CHECK(machine.numa_latencies == std::vector<double>{10, 32, 32, 10});
    CHECK(machine.numa_nodes[1].gbytes_per_s == Approx(204.8));
    CHECK(machine.memory_bytes == 128ull << 30);
    REQUIRE(machine.bridges.size() == 10);
    REQUIRE(machine.gpus.size() == 2);  // with three names each
    REQUIRE(machine.nics.size() == 2);  // with two
    REQUIRE(machine.gpu_links.size() == 1);
    CHECK(machine.gpu_links[0] == GpuLink{0, 1, 100, false});
}

TEST_CASE("source: a device has its best name, its place and what it can do") {
    const Machine machine = read_machine(own_machine("two_packages.xml"));
    const Gpu& gpu = machine.gpus[1];
    CHECK(gpu.name == "cuda1");
    CHECK(gpu.pci_id == "0000:83:00.0");
    CHECK(gpu.uuid == "GPU-00000001-1111-2222-3333-444444444444");
    CHECK(gpu.model == "NVIDIA A100-SXM4-40GB");
    CHECK(gpu.vendor == GpuVendor::nvidia);
    CHECK(gpu.bytes == 40ull << 30);
    CHECK(gpu.near == Nearness{1, 1, 1});
    CHECK(gpu.gbytes_per_s == Approx(31.507692));
    const Nic& nic = machine.nics[1];
    CHECK(nic.name == "mlx5_1");
    CHECK(nic.uuid == "b8ce:f603:0001:1234");
    CHECK(nic.network_gbytes_per_s == 25);
    // Both hang on one switch, on ports of their own.
    const auto parent = [&](int bridge) {
        return machine.bridges[static_cast<std::size_t>(bridge)].parent;
    };
    CHECK(gpu.bridge != nic.bridge);
    CHECK(parent(gpu.bridge) == parent(nic.bridge));
}

TEST_CASE("source: GPUs on NVSwitches reach all others through them") {
    const Machine machine = read_machine(own_machine("nvswitch.xml"));
    CHECK(machine.host == "nvswitch");  // as the file
    CHECK(machine.gpu_links ==
          std::vector<GpuLink>{{0, 1, 100, true}, {0, 2, 75, true}, {1, 2, 75, true}});
}

TEST_CASE("source: links that idle are not taken for slow ones, and a screen for no GPU") {
    const Machine machine = read_machine(own_machine("idle_links.xml"));
    REQUIRE(machine.gpus.size() == 4);
    CHECK(machine.gpus[0].gbytes_per_s == Approx(7.8769).epsilon(1e-4));
    CHECK(machine.gpus[1].gbytes_per_s == Approx(63.015).epsilon(1e-4));
    CHECK(machine.gpus[2].gbytes_per_s == Approx(31.508).epsilon(1e-4));
    CHECK(machine.gpus[3].gbytes_per_s == Approx(15.754).epsilon(1e-4));
    CHECK(machine.gpus[0].name == "gpu0");
    CHECK(machine.gpus[1].name == "nvml0");
    CHECK(machine.gpus[3].vendor == GpuVendor::amd);
    for (const Gpu& gpu : machine.gpus)
        CHECK(machine.bridges[static_cast<std::size_t>(gpu.bridge)].gbytes_per_s ==
              Approx(gpu.gbytes_per_s));
}

TEST_CASE("source: NCCL's file tells of packages, threads, devices and links") {
    const Machine machine = read_machine(own_machine("nccl.xml"));
    CHECK(machine.packages == 2);
    REQUIRE(machine.cores.size() == 8);
    CHECK(machine.cores[0].cpus == std::vector<int>{0, 8});
    CHECK(machine.cores[4].numa_node == 1);
    REQUIRE(machine.gpus.size() == 2);
    CHECK(machine.gpus[0].bridge == 1);
    CHECK(machine.bridges[1].pci_id == "0000:10:00.0");
    CHECK(machine.bridges[3].gbytes_per_s == Approx(15.7538).epsilon(1e-4));
    CHECK(machine.gpus[1].gbytes_per_s == Approx(31.508).epsilon(1e-4));  // known of its kind
    CHECK(machine.gpus[1].near == Nearness{1, 1, 1});
    CHECK(machine.gpu_links == std::vector<GpuLink>{{0, 1, 100, false}});
    REQUIRE(machine.nics.size() == 2);
    CHECK(machine.nics[0].name == "mlx5_0");
    CHECK(machine.nics[0].network_gbytes_per_s == 25);
    CHECK(machine.nics[1].pci_id.empty());
    CHECK(machine.nics[1].near.package == 1);
}

TEST_CASE("source: NCCL's links to switches and to processors are told apart") {
    const TemporaryFolder folder;
    const auto gpu = [](const char* id, const char* links) {
        return "<pci busid='" + std::string(id) + "' class='0x030200' vendor='0x10de' device=''>" +
               "<gpu dev='0' sm='70'>" + links + "</gpu></pci>";
    };
    const Machine machine = read_machine(folder.write(
        "a.xml", "<system><cpu numaid='0' affinity='3'>" +
                     gpu("0000:01:00.0",
                         "<nvlink target='' count='6' tclass='0x068000'/>"
                         "<nvlink target='' count='3' tclass='0x068001'/>") +
                     gpu("0000:02:00.0",
                         "<nvlink target='0000:0f:00.0' count='2' tclass='0x068000'/>"
                         "<nvlink target='0000:02:00.0' count='2' tclass='0x030200'/>") +
                     "</cpu></system>"));
    CHECK(machine.gpu_links == std::vector<GpuLink>{{0, 1, 50, true}});
    CHECK(machine.gpus[0].host_gbytes_per_s == 75);
    CHECK(machine.gpus[1].host_gbytes_per_s == 0);
}

TEST_CASE("source: a description stands for a machine without devices") {
    const Machine machine = read_machine("pack:2 [numa] l3:2 core:4 pu:2");
    CHECK(machine.cores.size() == 16);
    CHECK(machine.numa_nodes.size() == 2);
    CHECK(machine.gpus.empty());
    CHECK(machine.host.empty());
}

TEST_CASE("source: comments, other quotes and declarations do not matter to hwloc's files") {
    const TemporaryFolder folder;
    std::string text = text_of(own_machine("two_packages.xml"));
    const std::string plain = folder.write("plain.xml", text);
    text.insert(text.find("<object"), "<!-- a comment\n -->");
    text.replace(text.find("\"example07\""), 11, "'example07'");
    text.erase(0, text.find("<topology"));
    CHECK(read_machine(folder.write("other.xml", text)) == read_machine(plain));
}

TEST_CASE("source: what is no machine is refused in words that help") {
    const TemporaryFolder folder;
    const auto refusal = [&](const char* text) { return complaint(folder.write("a.xml", text)); };
    CHECK(says(refusal(""), "it is empty"));
    CHECK(says(refusal(" \n"), "it is empty"));
    CHECK(says(refusal("<topology>\n<object>"), "no well-formed XML"));
    CHECK(says(refusal("<topology>\n<object>"), "in line 2"));
    CHECK(says(refusal("garbage"), "no well-formed XML"));
    CHECK(says(refusal("<topology version='3.0'><object type='Machine'/></topology>"),
               "hwloc 3.0 wrote it"));
    CHECK(says(refusal("<topology version='two'/>"), "is none of hwloc"));
    CHECK(says(refusal("<topology version='2.0'><object type='Bridge'/></topology>"),
               "no object of the type Machine"));
    CHECK(says(refusal("<topology version='2.0'><object type='Machine'/></topology>"),
               "hwloc cannot make a machine of it"));
    CHECK(says(refusal("<graphs version='1'/>"), "rings and trees that NCCL chose"));
    CHECK(says(refusal("<html/>"), "its root element is <html>"));
    CHECK(says(refusal("<system version='1'/>"), "no <cpu> in it has a CPU"));
    CHECK(says(refusal("<system><cpu numaid='0' affinity='zz'/></system>"), "is no mask"));
    CHECK(says(refusal("<system><cpu numaid='0' affinity='1'/><cpu numaid='0'/></system>"),
               "two <cpu> elements"));
}

TEST_CASE("source: files that cannot be read are named with the reason") {
    const TemporaryFolder folder;
    CHECK(says(complaint(folder.path() + "/none.xml"), "none.xml: No such file or directory"));
    CHECK(says(complaint("none.xml"), "No such file or directory"));
    CHECK(says(complaint(folder.path()), "it is a folder"));
    const std::string fifo = folder.path() + "/fifo.xml";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    CHECK(says(complaint(fifo), "it is no regular file"));
    CHECK(says(complaint("nonsense"), "there is no such file"));
    CHECK(says(complaint("pack:x"), "hwloc does not understand it"));
}

TEST_CASE("source: no machine of hwloc has CPUs that were not allowed") {
    const TemporaryFolder folder;
    std::string text = text_of(own_machine("two_packages.xml"));
    const std::string allowed = "allowed_cpuset=\"0x000000ff\"";
    text.replace(text.find(allowed), allowed.size(), "allowed_cpuset=\"0x0000000f\"");
    const Machine machine = read_machine(folder.write("a.xml", text));
    CHECK(machine.cores.size() == 4);
    CHECK(machine.packages == 1);
    REQUIRE(machine.gpus.size() == 2);
    CHECK(machine.gpus[1].near == Nearness{});
}
