// SPDX-License-Identifier: Apache-2.0
#include "base/process_identity.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "base/unique_fd.hpp"

namespace ipcrun {

namespace {

struct Stat {
    char state;
    std::uint64_t threads;
    std::uint64_t start_time;
};

// See proc(5). The program's name, in parentheses, may hold anything.
std::optional<Stat> read_stat(pid_t pid) {
    const UniqueFd file(::open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return std::nullopt;
    std::array<char, 1024> buffer;
    const ssize_t size = ::read(file.get(), buffer.data(), buffer.size());
    if (size <= 0) return std::nullopt;
    const std::string_view line(buffer.data(), static_cast<std::size_t>(size));
    const auto close = line.rfind(") ");
    if (close == std::string_view::npos) return std::nullopt;
    const auto fields = split(line.substr(close + 2), ' ');
    // Counted from the state.
    constexpr std::size_t threads_field = 17, start_time_field = 19;
    if (fields.size() <= start_time_field || fields[0].size() != 1) return std::nullopt;
    const auto threads = parse_number<std::uint64_t>(fields[threads_field]);
    const auto start_time = parse_number<std::uint64_t>(fields[start_time_field]);
    if (!threads || !start_time) return std::nullopt;
    return Stat{fields[0][0], *threads, *start_time};
}

bool is_gone(pid_t pid) {
    return ::kill(pid, 0) != 0 && errno == ESRCH;
}

}  // namespace

ProcessIdentity own_identity() {
    ProcessIdentity own{.pid = ::getpid()};
    if (const auto stat = read_stat(own.pid)) own.start_time = stat->start_time;
    struct stat status = {};
    if (::stat("/proc/self/ns/pid", &status) == 0) own.pid_namespace = status.st_ino;
    return own;
}

bool has_ended(const ProcessIdentity& process, const ProcessIdentity& own) {
    if (process.pid_namespace != own.pid_namespace || process.pid <= 0) return false;
    if (is_gone(process.pid)) return true;
    const auto stat = read_stat(process.pid);
    if (!stat) return is_gone(process.pid);
    if (process.start_time != 0 && stat->start_time != process.start_time) return true;
    // The first thread of a process can end before the others: then it waits for them as a zombie.
    return (stat->state == 'Z' || stat->state == 'X') && stat->threads <= 1;
}

}  // namespace ipcrun
