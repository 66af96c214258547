// SPDX-License-Identifier: Apache-2.0
// Proves which GPUs are left by the text of CUDA_VISIBLE_DEVICES or ROCR_VISIBLE_DEVICES.
#include "topology/visible_gpus.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace ipcrun::topology;

namespace {

Machine four_gpus() {
    Machine machine;
    for (const char* uuid : {"GPU-aa11", "GPU-aa22", "GPU-bb33", "cc44"}) {
        Gpu gpu;
        gpu.name = "gpu" + std::to_string(machine.gpus.size());
        gpu.uuid = uuid;
        gpu.vendor = GpuVendor::nvidia;
        machine.gpus.push_back(gpu);
    }
    machine.gpu_links = {{0, 1, 10}, {1, 3, 20}, {2, 3, 30}};
    return machine;
}

std::string names_of(const Machine& machine) {
    std::string names;
    for (const Gpu& gpu : machine.gpus) names += gpu.name.back();
    return names;
}

std::string left_by(std::string_view list) {
    return names_of(visible(four_gpus(), GpuVendor::nvidia, list));
}

}  // namespace

TEST_CASE("visible GPUs: numbers name them in the order of PCI ids") {
    CHECK(left_by("0") == "0");
    CHECK(left_by("3, 1") == "13");
    CHECK(left_by("0,1,2,3") == "0123");
    CHECK(left_by("2.0,2.1,3.1") == "23");
}

TEST_CASE("visible GPUs: UUIDs and unique beginnings of them name them too") {
    CHECK(left_by("GPU-bb33") == "2");
    CHECK(left_by("GPU-aa2,GPU-b") == "12");
    CHECK(left_by("GPU-cc44") == "3");
    CHECK(left_by("MIG-GPU-aa11/1/0") == "0");
}

TEST_CASE("visible GPUs: the list ends at the first entry that names none") {
    CHECK(left_by("") == "");
    CHECK(left_by("1,-1,2") == "1");
    CHECK(left_by("2,7,0") == "2");
    CHECK(left_by("GPU-aa") == "");  // two begin so
    CHECK(left_by("none") == "");
}

TEST_CASE("visible GPUs: links between those that are left stay") {
    const Machine machine = visible(four_gpus(), GpuVendor::nvidia, "1,3");
    REQUIRE(machine.gpu_links.size() == 1);
    CHECK(machine.gpu_links[0] == GpuLink{0, 1, 20});
}

TEST_CASE("visible GPUs: a list hides GPUs of its vendor alone, and counts them alone") {
    Machine machine = four_gpus();
    machine.gpus[0].vendor = machine.gpus[2].vendor = GpuVendor::amd;
    CHECK(names_of(visible(machine, GpuVendor::nvidia, "1")) == "023");
    CHECK(names_of(visible(machine, GpuVendor::amd, "")) == "13");
    // Batch systems set the variables of all vendors to the same numbers.
    CHECK(names_of(visible(visible(four_gpus(), GpuVendor::nvidia, "2,3"), GpuVendor::amd,
                           "2,3")) == "23");
}
