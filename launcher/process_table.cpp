// SPDX-License-Identifier: Apache-2.0
#include "launcher/process_table.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "base/unique_fd.hpp"

namespace ipcrun {

std::optional<ProcessEntry> parse_stat(std::string_view line) {
    constexpr std::size_t start_time_field = 19;  // counted from the state, which is field 0
    const auto open = line.find(" (");
    const auto close = line.rfind(") ");
    if (open == std::string_view::npos || close == std::string_view::npos || close < open)
        return std::nullopt;
    const auto fields = split(line.substr(close + 2), ' ');
    if (fields.size() <= start_time_field || fields[0].size() != 1) return std::nullopt;
    const auto pid = parse_number<pid_t>(line.substr(0, open));
    const auto parent = parse_number<pid_t>(fields[1]);
    const auto start_time = parse_number<std::uint64_t>(fields[start_time_field]);
    if (!pid || !parent || !start_time) return std::nullopt;
    return ProcessEntry{*pid, *parent, fields[0][0], *start_time};
}

std::optional<ProcessEntry> read_process(pid_t pid) {
    const UniqueFd file(::open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return std::nullopt;
    std::array<char, 1024> text;
    const ssize_t size = ::read(file.get(), text.data(), text.size());
    if (size <= 0) return std::nullopt;
    return parse_stat({text.data(), static_cast<std::size_t>(size)});
}

std::vector<ProcessEntry> select_descendants(const std::vector<ProcessEntry>& entries,
                                             pid_t ancestor, const std::vector<pid_t>& excluded) {
    std::unordered_multimap<pid_t, const ProcessEntry*> children;
    for (const ProcessEntry& entry : entries) children.emplace(entry.parent, &entry);
    std::vector<ProcessEntry> descendants;
    std::unordered_set<pid_t> seen(excluded.begin(), excluded.end());
    std::vector<pid_t> parents = {ancestor};
    while (!parents.empty()) {
        const auto [first, last] = children.equal_range(parents.back());
        parents.pop_back();
        for (auto child = first; child != last; ++child) {
            // A table that was read while pids were recycled may hold circles.
            if (!seen.insert(child->second->pid).second) continue;
            descendants.push_back(*child->second);
            parents.push_back(child->second->pid);
        }
    }
    return descendants;
}

std::vector<ProcessEntry> read_processes() {
    std::vector<ProcessEntry> entries;
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), ::closedir);
    if (!folder) fail_errno(errno, "look for processes in /proc");
    while (const dirent* entry = ::readdir(folder.get()))
        if (const auto pid = parse_number<pid_t>(entry->d_name))
            if (const auto process = read_process(*pid)) entries.push_back(*process);
    return entries;
}

bool is_descendant(pid_t pid) {
    constexpr int depth_max = 1024;
    for (int depth = 0; depth < depth_max; ++depth) {
        const auto process = read_process(pid);
        if (!process) return false;
        if (process->parent == ::getpid()) return true;
        pid = process->parent;
    }
    return false;
}

}  // namespace ipcrun
