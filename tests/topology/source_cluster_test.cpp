// SPDX-License-Identifier: Apache-2.0
// Proves which hosts the text of --topology stands for.
#include <doctest/doctest.h>

#include <filesystem>
#include <set>

#include "base/error.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/topology/machine_files.hpp"
#include "topology/discover/source.hpp"

using namespace ipcrun;
using namespace ipcrun::topology;
using namespace ipcrun::testing;

namespace {

const std::string pair = own_machine("two_packages.xml"), nccl = own_machine("nccl.xml");

std::string names_of(const Cluster& cluster) {
    std::string names;
    for (const Host& host : cluster.hosts) names += (names.empty() ? "" : " ") + host.name;
    return names;
}

std::string complaint(const std::string& argument) {
    try {
        (void)read_cluster(argument);
    } catch (const Error& error) {
        CHECK(error.code == ErrorCode::usage);
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("cluster source: one file is one host") {
    const Cluster cluster = read_cluster(pair);
    CHECK(names_of(cluster) == "example07");
    CHECK(cluster.machines.size() == 1);
}

TEST_CASE("cluster source: commas stand between hosts") {
    const Cluster cluster = read_cluster(pair + "," + nccl);
    CHECK(names_of(cluster) == "example07 nccl");
    CHECK(cluster.machines.size() == 2);
    CHECK(cluster.machine_of(1).cores.size() == 8);
}

TEST_CASE("cluster source: a number of hosts of a kind is read once") {
    const Cluster cluster = read_cluster(nccl + "*3," + pair);
    CHECK(names_of(cluster) == "nccl0 nccl1 nccl2 example07");
    CHECK(cluster.machines.size() == 2);
    CHECK(cluster.hosts[2].machine == cluster.hosts[0].machine);
    CHECK(names_of(read_cluster("core:4 pu:1*2")) == "host0 host1");
    CHECK(read_cluster("pack:2 core:4 pu:1*100000").hosts.size() == 100000);
}

TEST_CASE("cluster source: no two hosts have one name") {
    const Cluster cluster = read_cluster(nccl + "*2," + nccl + "*2,core:2 pu:1*2");
    std::set<std::string> names;
    for (const Host& host : cluster.hosts) names.insert(host.name);
    CHECK(names.size() == 6);
}

TEST_CASE("cluster source: the number of a copy does not run into the digits of a name") {
    CHECK(names_of(read_cluster(pair + "*2")) == "example07-0 example07-1");
}

TEST_CASE("cluster source: cores of a description have one hardware thread unless it says more") {
    CHECK(read_cluster("pack:2 core:4").machine_of(0).cores.size() == 8);
    CHECK(read_cluster("core:3*2").machine_of(1).cores.front().cpus.size() == 1);
}

TEST_CASE("cluster source: commas within a description belong to it") {
    const Cluster cluster = read_cluster("pack:1 core:4 pu:1(indexes=0,2,1,3),core:2 pu:1");
    REQUIRE(cluster.hosts.size() == 2);
    CHECK(cluster.machine_of(0).cores.size() == 4);
    CHECK(cluster.machine_of(1).cores.size() == 2);
}

TEST_CASE("cluster source: a folder is its files in the order of their names") {
    const TemporaryFolder folder;
    std::filesystem::copy(nccl, folder.path() + "/b.xml");
    std::filesystem::copy(nccl, folder.path() + "/a.xml");
    folder.write("notes.txt", "no machine");
    CHECK(names_of(read_cluster(folder.path())) == "a b");
    CHECK(read_cluster(folder.path()).machines.size() == 1);
}

TEST_CASE("cluster source: a file whose name has a comma or a star is meant as a whole") {
    const TemporaryFolder folder;
    std::filesystem::copy(nccl, folder.path() + "/a,b.xml*2");
    CHECK(read_cluster(folder.path() + "/a,b.xml*2").hosts.size() == 1);
}

TEST_CASE("cluster source: what stands for no host is refused") {
    const TemporaryFolder folder;
    CHECK(complaint(folder.path()).find("no file there ends in .xml") != std::string::npos);
    CHECK(complaint(nccl + "*0").find("how many hosts") != std::string::npos);
    CHECK(complaint(nccl + "*many").find("how many hosts") != std::string::npos);
    CHECK(complaint(nccl + "*2000000").find("1048576") != std::string::npos);
    CHECK(complaint(nccl + ",").find("nothing is named") != std::string::npos);
    CHECK(complaint("").find("nothing is named") != std::string::npos);
}
