// SPDX-License-Identifier: Apache-2.0
// Proves that plans for machines recorded elsewhere make sense. The recordings are not ours to hand
// on: where they are not found beside the sources, there is nothing to prove.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>

#include "tests/topology/machine_files.hpp"
#include "topology/discover/source.hpp"
#include "topology/link/links.hpp"
#include "topology/tree/best_tree.hpp"

using namespace ipcrun;
using namespace ipcrun::topology;

namespace {

/// A plan for `ranks` ranks on the machine of that file.
struct Plan {
    Cluster cluster;
    Placement placement;
    Links links;

    Plan(const char* file, int ranks)
        : cluster(cluster_of(read_machine(testing::recorded_machine(file)))),
          placement(place_ranks(cluster, ranks, {})),
          links(cluster, placement, default_costs()) {}

    const Machine& machine() const { return cluster.machine_of(0); }
    const Gpu& gpu(int rank) const {
        return machine().gpus.at(static_cast<std::size_t>(placement.place(rank).gpu));
    }
    const Nic& nic(int rank) const {
        return machine().nics.at(static_cast<std::size_t>(placement.place(rank).nic));
    }
    std::set<int> gpus() const {
        std::set<int> result;
        for (int rank = 0; rank < placement.size(); ++rank)
            result.insert(placement.place(rank).gpu);
        return result;
    }
    /// Distinct values of `of(spot)` over the ranks, but for 0.
    template <typename Of>
    std::size_t count(Of of) const {
        std::set<int> result;
        for (int rank = 0; rank < placement.size(); ++rank)
            result.insert(of(placement.place(rank).spot));
        result.erase(0);
        return result.size();
    }
};

bool is_missing(const char* file) {
    const bool missing = testing::recorded_machine(file).empty();
    if (missing) MESSAGE("no recorded machine ", std::string(file));
    return missing;
}

}  // namespace

TEST_CASE("recorded machines: each is read and planned for in a fraction of a second") {
    constexpr const char* any = "01-turin-2xEPYC9555-4xH200-ndr.xml";
    if (is_missing(any)) return;
    const std::filesystem::path folder =
        std::filesystem::path(testing::recorded_machine(any)).parent_path();
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const std::string name = entry.path().filename();
        if (entry.path().extension() != ".xml" || name.find("graph") != std::string::npos) continue;
        CAPTURE(name);
        const auto start = std::chrono::steady_clock::now();
        const Plan plan(name.c_str(), 8);
        const PlannedTree tree = best_tree(plan.links.costs());
        CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(2));
        CHECK(tree.time.us > 0);
        CHECK(tree.time.us >= tree.bound_us * (1 - 1e-9));
    }
}

TEST_CASE("recorded machines: four ranks get the four GPUs and the NIC beside each") {
    constexpr const char* file = "01-turin-2xEPYC9555-4xH200-ndr.xml";
    if (is_missing(file)) return;
    const Plan plan(file, 4);
    CHECK(plan.gpus() == std::set<int>{0, 1, 2, 3});
    std::set<int> nics;
    for (int rank = 0; rank < 4; ++rank) {
        nics.insert(plan.placement.place(rank).nic);
        CHECK(plan.nic(rank).near == plan.gpu(rank).near);
        // Two NUMA nodes for each rank, its GPU's among them.
        const auto near = static_cast<std::size_t>(plan.gpu(rank).near.numa_node);
        const std::vector<int>& nodes = plan.placement.place(rank).memory_nodes;
        CHECK(nodes.size() == 2);
        CHECK(std::count(nodes.begin(), nodes.end(), plan.machine().numa_nodes[near].os_index) ==
              1);
    }
    CHECK(nics.size() == 4);
    CHECK(plan.links.class_between(0, 3) == LinkClass::nvlink);
}

TEST_CASE("recorded machines: sixteen GPUs behind switches are linked by NVLink, every pair") {
    constexpr const char* file = "03-dgx2-16xV100-12nvswitch.xml";
    if (is_missing(file)) return;
    const Plan plan(file, 16);
    CHECK(plan.gpus().size() == 16);
    for (int a = 0; a < 16; ++a)
        for (int b = a + 1; b < 16; ++b) CHECK(plan.links.class_between(a, b) == LinkClass::nvlink);
}

TEST_CASE("recorded machines: eight ranks get eight caches and the GPU die under each") {
    constexpr const char* file = "06-trento-tioga-8xMI250X-4xslingshot.xml";
    if (is_missing(file)) return;
    const Plan plan(file, 8);
    CHECK(plan.gpus().size() == 8);
    CHECK(plan.count([](const Spot& spot) { return spot.last_level_cache; }) == 8);
    for (int rank = 0; rank < 8; ++rank)
        CHECK(plan.placement.place(rank).spot.last_level_cache ==
              plan.gpu(rank).near.last_level_cache + 1);
}

TEST_CASE("recorded machines: links of idle GPUs are not taken at their idle speed") {
    constexpr const char* file = "08-aws-g4dn-metal-8xT4-efa.xml";
    if (is_missing(file)) return;
    const Plan plan(file, 8);
    CHECK(plan.gpus().size() == 8);
    for (int a = 0; a < 8; ++a)
        for (int b = a + 1; b < 8; ++b) {
            CAPTURE(a);
            CAPTURE(b);
            CHECK(plan.links.between(a, b).cost.gbytes_per_s() > 4);
        }
}

TEST_CASE("recorded machines: twenty-four ranks spread one a package over as many packages") {
    constexpr const char* file = "10-24socket-numa-192core-mlx4.xml";
    if (is_missing(file)) return;
    const Plan plan(file, 24);
    CHECK(plan.count([](const Spot& spot) { return spot.package; }) == 24);
}
