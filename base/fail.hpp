// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Ways to fail: by an Error whose message is put together here, or by the end of the process.

#include <fmt/format.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "base/error.hpp"

namespace ipcrun {

/// Throws Error with a formatted message: lower case, no full stop, `attempt object: reason`.
template <typename... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
    throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

/// Throws Error{system} reading "ATTEMPT: strerror(error_number)"; with too many open files it also
/// says which limit that is.
[[noreturn]] void fail_errno(int error_number, std::string_view attempt);

/// Returns `result` unless it is negative; then throws from errno, naming what was attempted.
template <typename T>
T check_syscall(T result, std::string_view attempt) {
    if (result < 0) fail_errno(errno, attempt);
    return result;
}

/// Aborts with the place and `text` when `condition` is false: for bugs, never for input.
/// Stays on in release builds. The place is the caller's; by built-ins, since clang 14 lacks
/// std::source_location.
void check(bool condition, const char* text, const char* file = __builtin_FILE(),
           int line = __builtin_LINE());

}  // namespace ipcrun
