// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ipcrun {

std::string_view name_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::usage:
            return "usage";
        case ErrorCode::config:
            return "config";
        case ErrorCode::system:
            return "system";
        case ErrorCode::peer_lost:
            return "peer_lost";
        case ErrorCode::timeout:
            return "timeout";
        case ErrorCode::mismatch:
            return "mismatch";
        case ErrorCode::protocol:
            return "protocol";
        case ErrorCode::unsupported:
            return "unsupported";
        case ErrorCode::internal:
            return "internal";
    }
    return "internal";
}

void fail_errno(int error_number, std::string_view attempt) {
    throw Error(ErrorCode::system, fmt::format("{}: {}", attempt, std::strerror(error_number)),
                error_number);
}

void check(bool condition, const char* text, const char* file, int line) {
    if (condition) [[likely]]
        return;
    std::fprintf(stderr, "ipcrun: bug at %s:%d: %s\n", file, line, text);
    std::abort();
}

}  // namespace ipcrun
