// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The command line of ipcrun-lua, which is that of lua5.4, as a value. Pure.

#include <string>
#include <vector>

namespace ipcrun::lua {

/// What -e, -l and -W ask for, done in their order before the script.
struct Action {
    enum class Kind { execute, require, warnings };
    Kind kind;
    const char* argument = "";  ///< Lua code, or MOD or NAME=MOD; borrowed from argv
};

struct Options {
    std::vector<Action> actions;
    bool help = false;
    bool version = false;
    bool interactive = false;
    bool ignore_environment = false;
    /// Index into argv of the script, "-" for standard input; 0: none.
    int script = 0;

    /// Is there nothing to do but to read standard input?
    bool is_bare() const { return script == 0 && !version && actions.empty(); }
};

/// Takes main's arguments. Throws Error{usage} with one line that says what would be right.
Options parse_options(int argc, char** argv);

/// What --help prints. Written from the table that parse_options() reads.
std::string format_help();

}  // namespace ipcrun::lua
