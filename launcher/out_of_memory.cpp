// SPDX-License-Identifier: Apache-2.0
#include "launcher/out_of_memory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "base/text.hpp"
#include "base/unique_fd.hpp"

namespace ipcrun {

namespace {

// Files of /proc and cgroups that matter here are small; what is longer is cut.
std::optional<std::string> read_file(const std::string& path) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return std::nullopt;
    std::array<char, 4096> text;
    const ssize_t size = ::read(file.get(), text.data(), text.size());
    if (size < 0) return std::nullopt;
    return std::string(text.data(), static_cast<std::size_t>(size));
}

// The file that counts: memory.events of cgroup v2, memory.oom_control of v1. Inside a container
// the path of the cgroup may not exist in the mounted tree, whose root then is the container's.
std::string find_file() {
    const std::string groups = read_file("/proc/self/cgroup").value_or("");
    for (const std::string_view line : split(groups, '\n')) {
        const auto fields = split(line, ':');
        if (fields.size() != 3) continue;
        const auto controllers = split(fields[1], ',');
        const bool is_v1 =
            std::find(controllers.begin(), controllers.end(), "memory") != controllers.end();
        if (!is_v1 && fields[0] != "0") continue;
        const std::string tree = is_v1 ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup";
        const char* name = is_v1 ? "memory.oom_control" : "memory.events";
        for (const std::string& group : {std::string(fields[2]), std::string()}) {
            std::string file = tree + group + "/" + name;
            if (::access(file.c_str(), R_OK) == 0) return file;
        }
    }
    return {};
}

}  // namespace

OutOfMemoryCount::OutOfMemoryCount() : file_(find_file()), count_(read()) {}

bool OutOfMemoryCount::has_grown() {
    const std::uint64_t before = count_;
    count_ = read();
    return count_ > before;
}

std::uint64_t OutOfMemoryCount::read() const {
    constexpr std::string_view key = "oom_kill ";
    const std::string text = file_.empty() ? "" : read_file(file_).value_or("");
    for (const std::string_view line : split(text, '\n'))
        if (line.starts_with(key))
            return parse_number<std::uint64_t>(line.substr(key.size())).value_or(0);
    return 0;
}

}  // namespace ipcrun
