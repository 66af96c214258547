// SPDX-License-Identifier: Apache-2.0
#include "topology/discover/cgroup_quota.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "topology/discover/small_file.hpp"

namespace ipcrun::topology {

namespace {

bool contains(std::string_view list, std::string_view word) {
    const auto words = split(list, ',');
    return std::find(words.begin(), words.end(), word) != words.end();
}

// mountinfo writes space, tab, newline and backslash of a path as "\040" and so on.
std::string decode_octal(std::string_view text) {
    const auto digit = [&](std::size_t at) { return at < text.size() ? text[at] - '0' : -1; };
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = digit(i + 1), middle = digit(i + 2), low = digit(i + 3);
        const bool escaped = text[i] == '\\' && high >= 0 && high <= 3 && middle >= 0 &&
                             middle <= 7 && low >= 0 && low <= 7;
        result += escaped ? static_cast<char>(high * 64 + middle * 8 + low) : text[i];
        i += escaped ? 3 : 0;
    }
    return result;
}

/// One cgroup file system of mountinfo: the folder `root` of its hierarchy is seen at `point`.
struct Mount {
    std::string root;
    std::string point;
    bool unified;
};

// "33 31 0:30 /root /mount/point rw,relatime shared:1 - cgroup cgroup rw,cpu,cpuacct"
std::optional<Mount> parse_mount(std::string_view line) {
    const auto fields = split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 5 || fields.end() - dash < 4) return std::nullopt;
    const bool unified = dash[1] == "cgroup2";
    const bool cpu = dash[1] == "cgroup" && contains(dash[3], "cpu");
    if (!unified && !cpu) return std::nullopt;
    return Mount{decode_octal(fields[3]), decode_octal(fields[4]), unified};
}

/// This process's path in the hierarchy that holds the cpu controller, from /proc/self/cgroup:
/// "4:cpu,cpuacct:/job" for v1, "0::/job" for v2.
std::optional<std::string> parse_path(std::string_view cgroup, bool unified) {
    for (const std::string_view line : split(cgroup, '\n')) {
        const auto first = line.find(':');
        if (first == std::string_view::npos) continue;
        const auto second = line.find(':', first + 1);
        if (second == std::string_view::npos) continue;
        const std::string_view controllers = line.substr(first + 1, second - first - 1);
        const bool match = unified ? line.substr(0, first) == "0" && controllers.empty()
                                   : contains(controllers, "cpu");
        if (match) return std::string(line.substr(second + 1));
    }
    return std::nullopt;
}

// `path` as seen below `mount`; nullopt when the mount shows another part of the tree.
std::optional<std::string> path_below(const Mount& mount, std::string_view path) {
    std::string_view root = mount.root;
    if (root == "/") root = "";
    if (path.substr(0, root.size()) != root) return std::nullopt;
    path.remove_prefix(root.size());
    if (path == "/") path = "";
    if (!path.empty() && path[0] != '/') return std::nullopt;
    // Beyond the root of our cgroup namespace: nothing that this mount shows.
    if (path.find("/..") != std::string_view::npos) return std::nullopt;
    return std::string(path);
}

std::optional<double> read_limit(const std::string& folder, bool unified) {
    if (unified) {
        const auto text = read_small_file(folder + "/cpu.max");
        return text ? parse_cpu_max(*text) : std::nullopt;
    }
    const auto quota = read_small_file(folder + "/cpu.cfs_quota_us");
    const auto period = read_small_file(folder + "/cpu.cfs_period_us");
    return quota && period ? parse_cfs_quota(*quota, *period) : std::nullopt;
}

}  // namespace

std::optional<double> parse_cfs_quota(std::string_view quota_us, std::string_view period_us) {
    const auto quota = parse_number<long long>(trim(quota_us));
    const auto period = parse_number<long long>(trim(period_us));
    if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
    return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<double> parse_cpu_max(std::string_view text) {
    const auto words = split(trim(text), ' ');
    // "max" is no number, and so no limit.
    return words.size() == 2 ? parse_cfs_quota(words[0], words[1]) : std::nullopt;
}

std::vector<CgroupFolder> find_cpu_cgroups(std::string_view cgroup, std::string_view mountinfo) {
    std::vector<Mount> mounts;
    for (const std::string_view line : split(mountinfo, '\n'))
        if (auto mount = parse_mount(line)) mounts.push_back(std::move(*mount));
    std::vector<CgroupFolder> folders;
    for (const bool unified : {true, false}) {
        const auto path = parse_path(cgroup, unified);
        if (!path) continue;
        const std::size_t found_before = folders.size();
        const Mount* other = nullptr;
        for (const Mount& mount : mounts) {
            if (mount.unified != unified) continue;
            if (auto below = path_below(mount, *path))
                folders.push_back({mount.point, std::move(*below), unified});
            else if (other == nullptr)
                other = &mount;
        }
        // Containers may show the path of the host beside a mount of their own part of the tree;
        // what they mount is then the cgroup that limits them.
        if (folders.size() == found_before && other != nullptr)
            folders.push_back({other->point, "", unified});
    }
    return folders;
}

double read_cpu_quota(const std::string& root) {
    const auto cgroup = read_small_file(root + "/proc/self/cgroup");
    const auto mountinfo = read_small_file(root + "/proc/self/mountinfo");
    if (!cgroup || !mountinfo) return 0;
    double smallest = 0;
    for (const CgroupFolder& folder : find_cpu_cgroups(*cgroup, *mountinfo)) {
        for (std::string path = folder.path;; path.resize(path.rfind('/'))) {
            const auto limit = read_limit(root + folder.mount_point + path, folder.unified);
            if (limit && (smallest == 0 || *limit < smallest)) smallest = *limit;
            if (path.empty()) break;
        }
    }
    return smallest;
}

}  // namespace ipcrun::topology
