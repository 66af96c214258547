// SPDX-License-Identifier: Apache-2.0
#include "base/fail.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ipcrun {

void fail_errno(int error_number, std::string_view attempt) {
    const std::string_view advice =
        error_number == EMFILE ? "; raise the limit of open files (ulimit -n)" : "";
    throw Error(ErrorCode::system,
                fmt::format("{}: {}{}", attempt, std::strerror(error_number), advice),
                error_number);
}

void check(bool condition, const char* text, const char* file, int line) {
    if (condition) [[likely]]
        return;
    std::fprintf(stderr, "ipcrun: bug at %s:%d: %s\n", file, line, text);
    std::abort();
}

}  // namespace ipcrun
