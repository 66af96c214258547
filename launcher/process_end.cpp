// SPDX-License-Identifier: Apache-2.0
#include "launcher/process_end.hpp"

#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <string>

#include "base/fail.hpp"
#include "base/text.hpp"

namespace ipcrun {

namespace {

// Of Linux 6.13, with the status since 6.15: younger than many headers.
struct PidfdInfo {
    std::uint64_t mask = 0;
    std::uint64_t cgroup = 0;
    std::uint32_t ids[11] = {};
    std::int32_t exit_code = 0;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr std::uint64_t has_exit_code = 1u << 3;
constexpr unsigned long get_info = _IOWR(0xff, 11, PidfdInfo);

bool is_still_there(int pidfd) {
    return ::syscall(SYS_pidfd_send_signal, pidfd, 0, nullptr, 0) == 0;
}

std::optional<int> ask_kernel(int pidfd) {
    PidfdInfo info{.mask = has_exit_code};
    if (::ioctl(pidfd, get_info, &info) != 0 || (info.mask & has_exit_code) == 0)
        return std::nullopt;
    return info.exit_code;
}

}  // namespace

std::optional<int> parse_end(std::string_view stat_line) {
    // The program's name may hold anything, and ends with the last parenthesis.
    const std::size_t name_end = stat_line.rfind(')');
    if (name_end == stat_line.npos) return std::nullopt;
    const auto fields = split(trim(stat_line.substr(name_end + 1)), ' ');
    constexpr std::size_t fields_wanted = 50;  // those of proc(5) from the third on
    if (fields.size() != fields_wanted || (fields.front() != "Z" && fields.front() != "X"))
        return std::nullopt;
    return parse_number<int>(fields.back());
}

std::optional<int> end_of_other(pid_t pid, int pidfd) {
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string line;
    std::getline(file, line);
    // When it has not been reaped by now, that line was its own.
    if (is_still_there(pidfd))
        if (const auto status = parse_end(line)) return status;
    return ask_kernel(pidfd);
}

}  // namespace ipcrun
