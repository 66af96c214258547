// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Which file to execute for the command that the user gave, found before anything is started.

#include <string>
#include <vector>

namespace ipcrun {

struct Program {
    std::string file;               ///< path to execute
    std::vector<std::string> argv;  ///< argv[0] included
};

/// The interpreter is $IPCRUN_LUA, or ipcrun-lua in the folder of this program, or where the build
/// puts it. Throws Error{usage} for a program or script that is not there or cannot be run, and
/// Error{config} when a script needs the interpreter and there is none.
Program find_program(const std::vector<std::string>& command);

/// Makes `directory` the present one. Throws Error{usage} when it is none or may not be entered
/// and written.
void enter_directory(const std::string& directory);

}  // namespace ipcrun
