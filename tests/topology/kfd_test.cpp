// SPDX-License-Identifier: Apache-2.0
// Proves what is taken from the driver of AMD's GPUs, on trees of our own making.
#include "topology/discover/kfd.hpp"

#include <doctest/doctest.h>

#include "tests/support/temporary_folder.hpp"

using namespace ipcrun::topology;
using namespace ipcrun::testing;

namespace {

const std::string nodes = "sys/class/kfd/kfd/topology/nodes/";

/// A processor and two GPUs; links of the second kind are PCI Express.
void write_tree(const TemporaryFolder& root) {
    root.write(nodes + "0/properties", "cpu_cores_count 64\nsimd_count 0\nlocation_id 0\n");
    const char* gpu = "cpu_cores_count 0\nsimd_count 440\ndomain 0\n";
    root.write(nodes + "1/properties", std::string(gpu) + "location_id 49408\n");  // c1:00.0
    root.write(nodes + "2/properties", std::string(gpu) + "location_id 50688\n" +  // c6:00.0
                                           "unique_id 16740072162385049969\n");
    root.write(nodes + "2/mem_banks/0/properties", "heap_type 1\nsize_in_bytes 68702699520\n");
    root.write(nodes + "1/io_links/0/properties",
               "type 11\nnode_from 1\nnode_to 0\nmax_bandwidth 36000\n");
    root.write(nodes + "1/io_links/1/properties",
               "type 11\nnode_from 1\nnode_to 2\nmax_bandwidth 200000\n");
    root.write(nodes + "2/io_links/0/properties",
               "type 2\nnode_from 2\nnode_to 0\nmax_bandwidth 31000\n");
    root.write(nodes + "2/io_links/1/properties",
               "type 11\nnode_from 2\nnode_to 77\nmax_bandwidth 1\n");
}

Machine two_gpus() {
    Machine machine;
    machine.gpus.resize(2);
    machine.gpus[0].pci_id = "0000:c1:00.0";
    machine.gpus[1].pci_id = "0000:c6:00.0";
    return machine;
}

}  // namespace

TEST_CASE("kfd: links of XGMI to GPUs and to processors are told apart from PCI Express") {
    const TemporaryFolder root;
    write_tree(root);
    Machine machine = two_gpus();
    add_kfd(machine, root.path());
    CHECK(machine.gpu_links == std::vector<GpuLink>{{0, 1, 200, false}});
    CHECK(machine.gpus[0].host_gbytes_per_s == 36);
    CHECK(machine.gpus[1].host_gbytes_per_s == 0);
}

TEST_CASE("kfd: memory and serial numbers are filled where they are not known") {
    const TemporaryFolder root;
    write_tree(root);
    Machine machine = two_gpus();
    machine.gpus[0].uuid = "known";
    add_kfd(machine, root.path());
    CHECK(machine.gpus[0].uuid == "known");
    CHECK(machine.gpus[1].uuid == "e850aef0615db971");
    CHECK(machine.gpus[1].bytes == 68702699520);
}

TEST_CASE("kfd: a host without such a driver stays as it is") {
    const TemporaryFolder root;
    Machine machine = two_gpus();
    add_kfd(machine, root.path());
    CHECK(machine == two_gpus());
}
