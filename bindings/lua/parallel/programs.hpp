// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Where the programs are that `parallel` starts: ipcrun-agent, the interpreter of children, and
/// for those on other hosts ipcrun-relay and ipcrun.

#include <string>
#include <vector>

namespace ipcrun::lua {

struct ProgramPlaces {
    const char* name;        ///< "ipcrun-agent"
    const char* variable;    ///< the environment variable that names it; null: none
    const char* installed;   ///< its folder below a prefix: "libexec/ipcrun"
    const char* built;       ///< its folder in a build tree: "launcher"
    const char* configured;  ///< the folder that the build was configured for
};
extern const ProgramPlaces agent_places;
extern const ProgramPlaces interpreter_places;
extern const ProgramPlaces launcher_places;
extern const ProgramPlaces relay_places;

/// Where a program may be, in the order of search. `program` is the one that runs
/// (PREFIX/bin/ipcrun-lua, or a build tree's bindings/lua/interpreter/ipcrun-lua), `module` the
/// file that this code was loaded from (PREFIX/lib/lua/5.4/ipc.so, or bindings/lua/ipc.so).
std::vector<std::string> candidates(const ProgramPlaces& places, const std::string& program,
                                    const std::string& module, const std::string& path);

/// The folder of ipc.so, for interpreters that do not have it built in; empty when it is nowhere.
std::string find_module_folder();

/// The first that can be executed. Throws Error{config}, which lists where it looked.
std::string find_program(const ProgramPlaces& places);

}  // namespace ipcrun::lua
