// SPDX-License-Identifier: Apache-2.0
// Proves what is taken from /sys beyond hwloc, on trees of our own making.
#include "topology/discover/live_devices.hpp"

#include <doctest/doctest.h>

#include "tests/support/temporary_folder.hpp"

using namespace ipcrun::topology;
using namespace ipcrun::testing;
using doctest::Approx;

namespace {

/// A GPU and a NIC below root ports of their own.
Machine small_machine() {
    Machine machine;
    machine.bridges = {
        {-1, "", 0, {}}, {0, "0000:00:01.0", 4, {}}, {0, "0000:00:02.0", 7.876923, {}}};
    Gpu gpu;
    gpu.name = "gpu0";
    gpu.pci_id = "0000:01:00.0";
    gpu.bridge = 1;
    gpu.gbytes_per_s = 4;
    machine.gpus = {gpu};
    Nic nic;
    nic.name = "mlx5_0";
    nic.pci_id = "0000:02:00.0";
    nic.bridge = 2;
    nic.network_gbytes_per_s = 25;
    machine.nics = {nic};
    return machine;
}

void write_link(const TemporaryFolder& root, const std::string& id, const char* speed,
                const char* most, const char* now) {
    const std::string folder = "sys/bus/pci/devices/" + id;
    root.write(folder + "/max_link_speed", speed);
    root.write(folder + "/max_link_width", most);
    root.write(folder + "/current_link_width", now);
}

}  // namespace

TEST_CASE("live devices: a link does what both ends can do, on the lanes that it has") {
    const TemporaryFolder root;
    write_link(root, "0000:01:00.0", "32.0 GT/s PCIe\n", "16\n", "8\n");
    write_link(root, "0000:00:01.0", "16.0 GT/s PCIe\n", "16\n", "8\n");
    Machine machine = small_machine();
    refine_devices(machine, root.path());
    CHECK(machine.gpus[0].gbytes_per_s == Approx(15.754).epsilon(1e-4));  // gen 4, 8 lanes
    CHECK(machine.bridges[1].gbytes_per_s == Approx(15.754).epsilon(1e-4));
}

TEST_CASE("live devices: what the kernel does not know changes nothing") {
    const TemporaryFolder root;
    write_link(root, "0000:01:00.0", "Unknown\n", "255\n", "0\n");
    Machine machine = small_machine();
    refine_devices(machine, root.path());
    CHECK(machine.gpus == small_machine().gpus);
    REQUIRE(machine.nics.size() == 1);
    CHECK(machine.nics[0].network_gbytes_per_s == 25);
}

TEST_CASE("live devices: an RDMA NIC has the speed of its active ports, and goes without one") {
    const TemporaryFolder root;
    const std::string ports = "sys/class/infiniband/mlx5_0/ports/";
    root.write(ports + "1/state", "4: ACTIVE\n");
    root.write(ports + "1/rate", "100 Gb/sec (4X EDR)\n");
    root.write(ports + "2/state", "1: DOWN\n");
    root.write(ports + "2/rate", "100 Gb/sec (4X EDR)\n");
    Machine machine = small_machine();
    refine_devices(machine, root.path());
    REQUIRE(machine.nics.size() == 1);
    CHECK(machine.nics[0].network_gbytes_per_s == 12.5);
    root.write(ports + "1/state", "1: DOWN\n");
    refine_devices(machine, root.path());
    CHECK(machine.nics.empty());
}

TEST_CASE("live devices: an interface has its speed while it is up, and goes when it is down") {
    const TemporaryFolder root;
    root.write("sys/class/net/eth0/operstate", "up\n");
    root.write("sys/class/net/eth0/speed", "10000\n");
    Machine machine = small_machine();
    machine.nics[0].name = "eth0";
    refine_devices(machine, root.path());
    REQUIRE(machine.nics.size() == 1);
    CHECK(machine.nics[0].network_gbytes_per_s == 1.25);
    root.write("sys/class/net/eth0/operstate", "down\n");
    refine_devices(machine, root.path());
    CHECK(machine.nics.empty());
}

TEST_CASE("live devices: adapters for RDMA are counted over all their kinds") {
    const TemporaryFolder root;
    CHECK(count_adapters(root.path()) == 0);
    root.write("sys/class/infiniband/mlx5_0/node_guid", "");
    CHECK(count_adapters(root.path()) == 1);
    root.write("sys/class/cxi/cxi0/device/uevent", "");
    CHECK(count_adapters(root.path()) == 2);
}
