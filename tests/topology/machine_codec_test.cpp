// SPDX-License-Identifier: Apache-2.0
// Proves that a machine survives as bytes, that broken bytes are refused, and what tells machines
// of two kinds apart.
#include "topology/machine_codec.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <limits>

#include "base/error.hpp"

using namespace ipcrun;
using namespace ipcrun::topology;

namespace {

Machine full_machine() {
    Machine machine;
    machine.host = "node07";
    machine.numa_nodes = {{0, 1ull << 36, 204.8}, {1, 1ull << 36, 204.8}};
    machine.cores = {{{0, 4}, 0, 0, 0, 0}, {{1, 5}, 1, 1, 1, 1}};
    machine.packages = 2;
    machine.memory_bytes = 1ull << 37;
    machine.last_level_cache_bytes = 32 << 20;
    machine.cpu_quota = 1.5;
    machine.numa_latencies = {10, 32, 32, 10};
    machine.bridges = {{-1, "", 0, {0, 0, -1}}, {0, "0000:00:01.0", 31.5, {0, 0, -1}}};
    Gpu gpu;
    gpu.name = "cuda0";
    gpu.pci_id = "0000:01:00.0";
    gpu.uuid = "GPU-1";
    gpu.model = "A100";
    gpu.bridge = 1;
    gpu.gbytes_per_s = 31.5;
    gpu.near = {0, 0, 0};
    gpu.vendor = GpuVendor::nvidia;
    gpu.bytes = 40ull << 30;
    gpu.host_gbytes_per_s = 1;
    machine.gpus = {gpu, gpu};
    Nic nic;
    nic.name = "mlx5_0";
    nic.network_gbytes_per_s = 25;
    machine.nics = {nic};
    machine.gpu_links = {{0, 1, 100, true}};
    machine.model = "Example";
    return machine;
}

ErrorCode refusal_of(std::span<const std::uint8_t> bytes) {
    try {
        (void)decode_machine(bytes);
    } catch (const Error& error) {
        return error.code;
    }
    return ErrorCode::internal;
}

void check_refused(const std::function<void(Machine&)>& spoil) {
    Machine machine = full_machine();
    spoil(machine);
    CHECK(refusal_of(encode(machine)) == ErrorCode::protocol);
}

}  // namespace

TEST_CASE("machine: every field survives as bytes") {
    CHECK(decode_machine(encode(full_machine())) == full_machine());
}

TEST_CASE("machine: bytes that are cut off or go on are refused") {
    Bytes bytes = encode(full_machine());
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK(refusal_of(std::span(bytes).first(size)) == ErrorCode::protocol);
    bytes.push_back(0);
    CHECK(refusal_of(bytes) == ErrorCode::protocol);
}

TEST_CASE("machine: bytes whose indices point nowhere are refused") {
    check_refused([](Machine& m) { m.cores[0].numa_node = 2; });
    check_refused([](Machine& m) { m.cores[0].package = -1; });
    check_refused([](Machine& m) { m.cores[1].cpus = {5, 1}; });
    check_refused([](Machine& m) { m.cores.clear(); });
    check_refused([](Machine& m) { m.numa_latencies.pop_back(); });
    check_refused([](Machine& m) { m.bridges[0].parent = 1; });
    check_refused([](Machine& m) { m.gpus[0].bridge = 2; });
    check_refused([](Machine& m) { m.gpus[1].near.package = 2; });
    check_refused([](Machine& m) { m.nics[0].name.clear(); });
    check_refused([](Machine& m) { m.gpu_links[0].b = 2; });
    check_refused([](Machine& m) { m.gpu_links[0].b = 0; });
    check_refused(
        [](Machine& m) { m.gpus[0].gbytes_per_s = std::numeric_limits<double>::quiet_NaN(); });
}

TEST_CASE("machine: names, serial numbers, addresses and memory make no other kind") {
    Machine other = full_machine();
    other.host = "node08";
    other.memory_bytes -= 4096;
    other.numa_nodes[1].bytes -= 4096;
    other.gpus[0].name = "nvml0";
    other.gpus[0].uuid = "GPU-2";
    other.bridges[1].pci_id = "0000:80:01.0";
    other.nics[0].pci_id = "0000:81:00.0";
    CHECK(hash_of(other) == hash_of(full_machine()));
}

TEST_CASE("machine: cores, links and models make another kind") {
    const auto changes = {
        +[](Machine& m) { m.cores.pop_back(); },
        +[](Machine& m) { m.gpu_links[0].gbytes_per_s = 50; },
        +[](Machine& m) { m.gpus[1].model = "H100"; },
        +[](Machine& m) { m.nics[0].bridge = 1; },
        +[](Machine& m) { m.model = "Another"; },
    };
    for (const auto change : changes) {
        Machine other = full_machine();
        change(other);
        CHECK(hash_of(other) != hash_of(full_machine()));
    }
}
