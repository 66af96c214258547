// SPDX-License-Identifier: Apache-2.0
#pragma once
/// One word of a list of hosts: a name or address, perhaps with ranges and slots. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "base/fail.hpp"

namespace ipcrun {

constexpr int hosts_max = 1 << 20;            ///< a job; more is a slip of the pen
constexpr int slots_max = 1 << 16;            ///< of a host: more than any has processors
constexpr std::size_t name_max = 255;         ///< of a host: what names of hosts may have
constexpr std::size_t range_digits_max = 18;  ///< of a number in brackets: what 64 bits hold

struct HostWord {
    std::vector<std::string> names;  ///< one at least
    int slots = 0;                   ///< 0: no number was given
};

/// Pieces between commas, but for those in brackets.
std::vector<std::string_view> split_list(std::string_view text);

/// "node[01-04]:2" and the like. `where`: what begins a message. Throws Error{usage}.
HostWord parse_host_word(std::string_view word, const std::string& where);

/// 1 to slots_max. Throws Error{usage}.
int parse_slots(std::string_view text, const std::string& where);

/// Throws Error{usage} that begins with `where`.
template <typename... Args>
[[noreturn]] void refuse(const std::string& where, fmt::format_string<Args...> format,
                         Args&&... args) {
    fail(ErrorCode::usage, "{}: {}", where, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace ipcrun
