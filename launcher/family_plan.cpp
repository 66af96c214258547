// SPDX-License-Identifier: Apache-2.0
#include "launcher/family_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <string_view>

#include "runtime/wire/family_protocol.hpp"
#include "runtime/wire/rank_environment.hpp"

namespace ipcrun {

namespace {

constexpr std::uint64_t arena_bytes_min = 1ull << 30;
constexpr std::uint64_t arena_bytes_max = 1ull << 38;
// For the arenas of 64 children together, of the 47 bits that a process may address; each time
// their number doubles beyond 64 they may get half as much again.
constexpr std::uint64_t all_arenas_bytes = 1ull << 45;

std::string_view name_of_setting(std::string_view setting) {
    return setting.substr(0, setting.find('='));
}

void erase_named(std::vector<std::string>& environment, const std::vector<std::string>& settings) {
    std::erase_if(environment, [&settings](const std::string& setting) {
        return std::any_of(settings.begin(), settings.end(), [&setting](const std::string& other) {
            return name_of_setting(setting) == name_of_setting(other);
        });
    });
}

}  // namespace

std::uint64_t pair_arena_bytes(std::uint64_t memory_bytes, int children) {
    const std::uint64_t wanted =
        std::bit_ceil(std::clamp<std::uint64_t>(memory_bytes, arena_bytes_min, arena_bytes_max));
    const std::uint64_t room =
        all_arenas_bytes / 2 / std::bit_ceil(static_cast<std::uint64_t>(std::max(children, 1)));
    return std::max(std::min(wanted, room), arena_bytes_min);
}

int pair_usable_cpus(int allowed_cpus, int processes) {
    return processes > allowed_cpus ? 1 : allowed_cpus;
}

std::vector<std::string> without_place(const std::vector<std::string>& environment) {
    std::vector<std::string> result = environment;
    erase_named(result, RankEnvironment().format());
    erase_named(result, {parent_fd_variable});
    return result;
}

std::vector<std::string> child_environment(const std::vector<std::string>& inherited,
                                           const std::vector<std::string>& added, int socket_fd) {
    std::vector<std::string> result = inherited;
    const std::string own = fmt::format("{}={}", parent_fd_variable, socket_fd);
    erase_named(result, added);
    result.insert(result.end(), added.begin(), added.end());
    erase_named(result, {own});
    result.push_back(own);
    return result;
}

}  // namespace ipcrun
