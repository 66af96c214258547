// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/parallel/programs.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/environment.hpp"
#include "base/fail.hpp"

namespace ipcrun::lua {

namespace {

namespace fs = std::filesystem;

bool is_executable(const std::string& path) {
    std::error_code ignored;  // what cannot be looked at is no program
    return fs::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

std::string running_program() {
    std::error_code error;  // without /proc there is one place less
    const fs::path path = fs::read_symlink("/proc/self/exe", error);
    return error ? std::string() : path.string();
}

// The file that this function was loaded from: ipc.so, or the program.
std::string this_module() {
    Dl_info info{};
    if (::dladdr(reinterpret_cast<const void*>(&this_module), &info) == 0) return {};
    std::error_code error;
    const fs::path path = fs::canonical(info.dli_fname, error);
    return error ? std::string() : path.string();
}

}  // namespace

const ProgramPlaces agent_places{"ipcrun-agent", "IPCRUN_AGENT", "libexec/ipcrun", "launcher",
                                 IPCRUN_LIBEXEC_FOLDER};
const ProgramPlaces interpreter_places{"ipcrun-lua", "IPCRUN_LUA", "bin",
                                       "bindings/lua/interpreter", IPCRUN_BIN_FOLDER};
const ProgramPlaces launcher_places{"ipcrun", nullptr, "bin", "launcher", IPCRUN_BIN_FOLDER};
const ProgramPlaces relay_places{"ipcrun-relay", nullptr, "libexec/ipcrun", "relay",
                                 IPCRUN_LIBEXEC_FOLDER};

std::vector<std::string> candidates(const ProgramPlaces& places, const std::string& program,
                                    const std::string& module, const std::string& path) {
    std::vector<std::string> found;
    const auto add = [&](const fs::path& folder) {
        found.push_back((folder / places.name).lexically_normal().string());
    };
    if (!program.empty()) {
        const fs::path folder = fs::path(program).parent_path();
        add(folder / ".." / places.installed);
        add(folder / "../../.." / places.built);
    }
    if (!module.empty()) {
        const fs::path folder = fs::path(module).parent_path();
        add(folder / "../../.." / places.installed);
        add(folder / "../.." / places.built);
    }
    add(places.configured);
    for (std::size_t begin = 0; begin < path.size();) {
        const std::size_t end = std::min(path.find(':', begin), path.size());
        if (end > begin) add(path.substr(begin, end - begin));
        begin = end + 1;
    }
    return found;
}

std::string find_module_folder() {
    const fs::path program = fs::path(running_program()).parent_path();
    for (const fs::path& folder :
         {fs::path(this_module()).parent_path(), program / "../lib/lua/5.4", program / ".."}) {
        std::error_code ignored;  // what cannot be looked at is not there
        if (fs::is_regular_file(folder / "ipc.so", ignored)) return fs::absolute(folder).string();
    }
    return {};
}

std::string find_program(const ProgramPlaces& places) {
    const std::string named =
        places.variable == nullptr ? "" : environment_variable(places.variable).value_or("");
    if (!named.empty()) {
        if (is_executable(named)) return named;
        fail(ErrorCode::config, "find {}: {} names {}, which cannot be executed", places.name,
             places.variable, named);
    }
    std::string looked;
    for (const std::string& path : candidates(places, running_program(), this_module(),
                                              environment_variable("PATH").value_or(""))) {
        if (is_executable(path)) return path;
        looked += "\n    " + path;
    }
    fail(ErrorCode::config,
         "find {}: it is in none of the places below; {}add its folder to PATH{}", places.name,
         places.variable == nullptr ? "" : fmt::format("set {} to its path, or ", places.variable),
         looked);
}

}  // namespace ipcrun::lua
