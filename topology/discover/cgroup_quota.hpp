// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How much CPU time cgroups (v1 and v2) allow this process, in CPUs. A quota is no CPU mask: a
/// process under "1.5 CPUs" sees all CPUs and is stopped when it has used its time, so whoever
/// counts CPUs has to ask for both.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ipcrun::topology {

/// The smallest CPU quota of this process's cgroup and of all its ancestors that can be seen, in
/// CPUs; 0: no limit. Files that are missing or cannot be read set no limit. `root` stands before
/// every path (/proc/self/cgroup, mount points): tests put a made-up tree there. Never throws but
/// for memory. Cost: two files and one or two per level.
double read_cpu_quota(const std::string& root = "");

// The parts of the above, pure.

/// A folder of the cgroup tree that tells about this process, and those above it up to the mount.
struct CgroupFolder {
    std::string mount_point;  ///< "/sys/fs/cgroup/cpu"
    std::string path;         ///< below it: "" or "/job/step"
    bool unified = false;     ///< v2: cpu.max; otherwise v1: cpu.cfs_quota_us, cpu.cfs_period_us
};

/// Where the CPU limits of a process stand: from the texts of its /proc/self/cgroup and
/// /proc/self/mountinfo.
std::vector<CgroupFolder> find_cpu_cgroups(std::string_view cgroup, std::string_view mountinfo);

/// cpu.max ("150000 100000", "max 100000") in CPUs; nullopt: no limit, or not understood.
std::optional<double> parse_cpu_max(std::string_view text);

/// cpu.cfs_quota_us ("150000"; "-1": none) over cpu.cfs_period_us ("100000") in CPUs.
std::optional<double> parse_cfs_quota(std::string_view quota_us, std::string_view period_us);

}  // namespace ipcrun::topology
