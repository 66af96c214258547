// SPDX-License-Identifier: Apache-2.0
// Proves that CPU quotas are found in made-up trees of both cgroup versions, as hosts and
// containers show them.
#include "topology/discover/cgroup_quota.hpp"

#include <doctest/doctest.h>

#include "tests/support/temporary_folder.hpp"

using namespace ipcrun::topology;
using ipcrun::testing::TemporaryFolder;

namespace {

constexpr const char* mount_v2 =
    "24 22 0:22 / /sys rw - sysfs sysfs rw\n"
    "31 24 0:28 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

/// A host whose process is in `cgroup`, with `mountinfo`.
struct Host {
    Host(const char* cgroup, const char* mountinfo) {
        folder.write("proc/self/cgroup", cgroup);
        folder.write("proc/self/mountinfo", mountinfo);
    }
    double quota() const { return read_cpu_quota(folder.path()); }
    TemporaryFolder folder;
};

}  // namespace

TEST_CASE("cgroup quota: v2 takes the smallest limit from the job up to the mount") {
    const Host host("0::/jobs/7/step\n", mount_v2);
    CHECK(host.quota() == 0);
    host.folder.write("sys/fs/cgroup/jobs/7/step/cpu.max", "max 100000\n");
    CHECK(host.quota() == 0);
    host.folder.write("sys/fs/cgroup/jobs/7/cpu.max", "250000 100000\n");
    CHECK(host.quota() == 2.5);
    host.folder.write("sys/fs/cgroup/jobs/cpu.max", "150000 100000\n");
    CHECK(host.quota() == 1.5);
    host.folder.write("sys/fs/cgroup/jobs/7/step/cpu.max", "800000 100000\n");
    CHECK(host.quota() == 1.5);
}

TEST_CASE("cgroup quota: v1 divides quota by period on every level") {
    const Host host("5:memory:/other\n4:cpu,cpuacct:/slurm/job_7\n0::/\n",
                    "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
                    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n");
    const std::string base = "sys/fs/cgroup/cpu,cpuacct/slurm/";
    host.folder.write(base + "job_7/cpu.cfs_quota_us", "-1\n");
    host.folder.write(base + "job_7/cpu.cfs_period_us", "100000\n");
    CHECK(host.quota() == 0);
    host.folder.write(base + "cpu.cfs_quota_us", "150000\n");
    CHECK(host.quota() == 0);  // no period beside it
    host.folder.write(base + "cpu.cfs_period_us", "50000\n");
    CHECK(host.quota() == 3);
    host.folder.write("sys/fs/cgroup/memory/other/cpu.max", "1000 1000\n");
    CHECK(host.quota() == 3);
}

TEST_CASE("cgroup quota: a container's mount shows its own part of the tree") {
    const Host host(
        "4:cpu,cpuacct:/docker/abc/worker\n",
        "33 31 0:30 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n");
    host.folder.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
    host.folder.write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    CHECK(host.quota() == 2);
    host.folder.write("sys/fs/cgroup/cpu/worker/cpu.cfs_quota_us", "50000\n");
    host.folder.write("sys/fs/cgroup/cpu/worker/cpu.cfs_period_us", "100000\n");
    CHECK(host.quota() == 0.5);
}

TEST_CASE("cgroup quota: a path that the mount does not show falls back to the mount") {
    const Host host("0::/../../elsewhere\n", mount_v2);
    host.folder.write("sys/fs/cgroup/cpu.max", "300000 100000\n");
    CHECK(host.quota() == 3);
    const Host other("0::/\n", "31 24 0:28 /docker/abc /cg rw - cgroup2 cgroup2 rw\n");
    other.folder.write("cg/cpu.max", "100000 100000\n");
    CHECK(other.quota() == 1);
}

TEST_CASE("cgroup quota: folders are matched by whole names") {
    const auto folders = find_cpu_cgroups("0::/job10\n",
                                          "31 24 0:28 /job1 /cg rw - cgroup2 cgroup2 rw\n"
                                          "32 24 0:28 / /whole rw - cgroup2 cgroup2 rw\n");
    REQUIRE(folders.size() == 1);
    CHECK(folders[0].mount_point == "/whole");
    CHECK(folders[0].path == "/job10");
}

TEST_CASE("cgroup quota: mount points may have spaces, cgroup names colons") {
    const auto folders =
        find_cpu_cgroups("0::/a:b\n", "31 24 0:28 / /my\\040cgroups rw - cgroup2 cgroup2 rw\n");
    REQUIRE(folders.size() == 1);
    CHECK(folders[0].mount_point == "/my cgroups");
    CHECK(folders[0].path == "/a:b");
}

TEST_CASE("cgroup quota: what is missing or not understood sets no limit") {
    const TemporaryFolder empty;
    CHECK(read_cpu_quota(empty.path()) == 0);
    for (const char* text : {"", "max", "max 100000", "1 0", "0 100000", "-1 100000", "a b",
                             "100000", "1 2 3", "99999999999999999999 1"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_cpu_max(text));
    }
    for (const char* text : {"", "-", "a b c", "1 2 3 4 5 6 - cgroup2", " - - - - -",
                             "31 24 0:28 / /x rw - cgroup cgroup rw,cpuset,cpuacct"}) {
        CAPTURE(text);
        CHECK(find_cpu_cgroups("0::/\n3:cpu:/\n", text).empty());
        CHECK(find_cpu_cgroups(text, mount_v2).empty());
    }
}
