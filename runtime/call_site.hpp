// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Where an operation was called.

namespace ipcrun {

/// Told to everyone when ranks disagree. The text is borrowed for the call; only its end is kept
/// when it is long. As a default argument, `{}` is the place of the call: by built-ins, since
/// clang 14 lacks std::source_location.
struct CallSite {
    const char* file = __builtin_FILE();
    int line = __builtin_LINE();
};

}  // namespace ipcrun
