// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Where an operation was called.

#include <source_location>

namespace ipcrun {

/// Told to everyone when ranks disagree. The text is borrowed for the call; only its end is kept
/// when it is long.
struct CallSite {
    const char* file;
    int line;

    CallSite(const char* file_name, int line_number) : file(file_name), line(line_number) {}
    CallSite(std::source_location where = std::source_location::current())
        : file(where.file_name()), line(static_cast<int>(where.line())) {}
};

}  // namespace ipcrun
