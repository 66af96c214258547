// SPDX-License-Identifier: Apache-2.0
#include "launcher/show/boxes.hpp"

#include <doctest/doctest.h>

#include "tests/launcher/show/plans.hpp"

using namespace ipcrun::show;

namespace {

/// Is everything within what it is in, and beside its neighbours?
bool is_tidy(const Box& box) {
    std::vector<const Box*> inside;
    for (const auto* group : {&box.cores, &box.inner, &box.switches, &box.devices})
        for (const Box& each : *group) inside.push_back(&each);
    for (const Box* one : inside) {
        if (one->x < 0 || one->y < 0 || one->x + one->w > box.w || one->y + one->h > box.h)
            return false;
        for (const Box* other : inside) {
            if (one == other) continue;
            const bool apart_x = one->x + one->w <= other->x || other->x + other->w <= one->x;
            const bool apart_y = one->y + one->h <= other->y || other->y + other->h <= one->y;
            if (!apart_x && !apart_y) return false;
        }
        if (!is_tidy(*one)) return false;
    }
    return true;
}

int cores_in(const Box& box) {
    int cores = static_cast<int>(box.cores.size());
    for (const Box& inner : box.inner) cores += cores_in(inner);
    return cores;
}

}  // namespace

TEST_CASE("show boxes: packages hold NUMA nodes, these caches, these cores") {
    const Plan plan = gpu_plan();
    const Box host = host_box(plan.overview(), 0);
    CHECK(host.inner.size() == 2);
    CHECK(host.inner[1].inner[0].title == "NUMA 2");
    CHECK(host.inner[1].inner[0].inner.size() == 2);
    CHECK(host.inner[1].inner[0].inner[0].cores.size() == 4);
    CHECK(cores_in(host) == 32);
}

TEST_CASE("show boxes: cores know the ranks that run on them") {
    const Plan plan = gpu_plan();
    const Box host = host_box(plan.overview(), 0);
    CHECK(host.inner[0].inner[1].inner[0].cores[0].ranks == std::vector<int>{2});
}

TEST_CASE("show boxes: a GPU and its NIC hang on their switch at their NUMA node") {
    const Plan plan = gpu_plan();
    const Box host = host_box(plan.overview(), 0);
    const Box& node = host.inner[0].inner[1];
    CHECK(node.switches.size() == 1);
    CHECK(node.switches[0].devices.size() == 2);
    CHECK(node.switches[0].devices[0].title == "nvml1");
    CHECK(node.switches[0].devices[0].ranks == std::vector<int>{2, 3});
}

TEST_CASE("show boxes: two ports of one card make no switch") {
    Plan plan = gpu_plan();
    auto& machine = plan.cluster.machines[0];
    machine.gpus[0].pci_id = "0000:01:00.0";
    machine.nics[0].pci_id = "0000:01:00.1";
    const Box host = host_box(plan.overview(), 0);
    CHECK(host.inner[0].inner[0].switches.empty());
    CHECK(host.inner[0].inner[0].devices.size() == 2);
}

TEST_CASE("show boxes: levels that say nothing are not drawn") {
    const Plan plan = small_plan();
    const Box host = host_box(plan.overview(), 0);
    CHECK(host.inner.size() == 1);
    CHECK(host.inner[0].title == "package 0, L3 #0");
    CHECK(host.inner[0].cores.size() == 4);
}

TEST_CASE("show boxes: a device that is near to nothing hangs on its host") {
    Plan plan = gpu_plan();
    for (auto& gpu : plan.cluster.machines[0].gpus) {
        gpu.near = {};
        gpu.bridge = -1;
    }
    CHECK(host_box(plan.overview(), 0).devices.size() == 4);
}

TEST_CASE("show boxes: nothing lies over anything else, at any size") {
    const std::vector<Shape> shapes = {
        {},
        {.packages = 2, .numa_nodes = 4, .caches = 2, .cores = 8, .threads = 2, .gpus = 2},
        {.packages = 24, .numa_nodes = 1, .caches = 1, .cores = 8},
        {.packages = 2, .numa_nodes = 1, .caches = 12, .cores = 8, .gpus = 3},
        {.packages = 1, .numa_nodes = 3, .caches = 1, .cores = 1, .gpus = 1}};
    for (const Shape& shape : shapes) {
        const Plan plan = plan_of(machine_of(shape, "box", "model"), 1, 5);
        for (const double core : {6.0, 13.0, 36.0}) {
            Box host = host_box(plan.overview(), 0);
            lay_out(host, {.core = core});
            stretch(host, host.w + 30, host.h + 10);
            CAPTURE(shape.packages);
            CAPTURE(core);
            CHECK(is_tidy(host));
        }
    }
}

TEST_CASE("show boxes: grids are about as wide as asked, and have few empty cells") {
    CHECK(grid_columns(8, 10, 10, 2) == 4);
    CHECK(grid_columns(24, 10, 10, 1.5) == 6);
    CHECK(grid_columns(1, 10, 10, 2) == 1);
}
