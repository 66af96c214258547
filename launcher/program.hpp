// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Which file to execute for the command that the user gave, found before anything is started.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ipcrun {

struct Program {
    std::string file;               ///< path to execute
    std::vector<std::string> argv;  ///< argv[0] included
};

/// Variables of an environment that say where programs are.
struct SearchPlaces {
    std::optional<std::string> path = {};         ///< PATH
    std::optional<std::string> interpreter = {};  ///< IPCRUN_LUA
};
/// Those of this process.
SearchPlaces own_search_places();

/// The path of a program: `name` itself, or where it is found in PATH when it has no slash. Throws
/// Error{usage} when it is not there or cannot be run.
std::string find_executable(const std::string& name,
                            const SearchPlaces& places = own_search_places());

/// The interpreter is IPCRUN_LUA, or ipcrun-lua in the folder of this program, or where the build
/// puts it. Throws Error{usage} for a program or script that is not there or cannot be run, and
/// Error{config} when a script needs the interpreter and there is none.
Program find_program(const std::vector<std::string>& command,
                     const SearchPlaces& places = own_search_places());

/// The interpreter of scripts: IPCRUN_LUA, or ipcrun-lua where find_program() looks. Throws
/// Error{config}.
std::string find_interpreter(const SearchPlaces& places = own_search_places());

/// The program that stands between a process and its child on another host; find_program() finds
/// it by this name alone, beside this one.
constexpr std::string_view relay_program = "ipcrun-relay";

/// The agent of a process that starts children: IPCRUN_AGENT, or where the program that asks lies,
/// which is the relay. Throws Error: usage (IPCRUN_AGENT), config (it is not there).
std::string find_family_agent();

/// The program of ours that measures links, beside this one: installed, or in the build. Throws
/// Error{config} when it is not there.
std::string find_link_measurer();

/// What to do about a program that could not be started, for the end of a message: "; raise the
/// limit of ...", or empty. `error_number`: why.
std::string_view spawn_advice(int error_number);

/// Makes `directory` the present one. Throws Error{usage} when it is none or may not be entered
/// and written.
void enter_directory(const std::string& directory);

}  // namespace ipcrun
