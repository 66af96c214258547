// SPDX-License-Identifier: Apache-2.0
#include "launcher/program.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <optional>

#include "base/environment.hpp"
#include "base/fail.hpp"
#include "base/text.hpp"

namespace ipcrun {

namespace {

bool may(const std::string& path, int mode) {
    return ::faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0;
}

bool is_file(const std::string& path) {
    struct stat status = {};
    return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

bool is_directory(const std::string& path) {
    struct stat status = {};
    return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

// Why a path that was given cannot be used, for the end of a message.
std::string reason(const std::string& path) {
    if (is_directory(path)) return "it is a directory";
    struct stat status = {};
    if (::stat(path.c_str(), &status) != 0) return std::strerror(errno);
    return "it is not a regular file";
}

void check_executable(const std::string& path) {
    if (!is_file(path)) fail(ErrorCode::usage, "run '{}': {}", path, reason(path));
    if (!may(path, X_OK))
        fail(ErrorCode::usage, "run '{}': it is not executable (chmod +x '{}')", path, path);
}

std::string search_path(const std::string& name, const SearchPlaces& places) {
    const std::string path = places.path.value_or("/bin:/usr/bin");
    std::string refused;
    for (const std::string_view folder : split(path, ':')) {
        const std::string file = fmt::format("{}/{}", folder.empty() ? "." : folder, name);
        if (!is_file(file)) continue;
        if (may(file, X_OK)) return file;
        if (refused.empty()) refused = file;
    }
    if (!refused.empty()) check_executable(refused);
    const bool is_here = is_file(name);
    fail(ErrorCode::usage, "program '{}' not found in PATH{}", name,
         is_here ? fmt::format("; the one in this directory is './{}'", name) : "");
}

std::filesystem::path own_folder() {
    std::error_code error;
    return std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
}

// The first of `places`, seen from the folder of this program, where there is a program.
std::optional<std::string> find_beside(std::initializer_list<const char*> places) {
    for (const char* place : places)
        if (const auto path = own_folder() / place; is_file(path) && may(path, X_OK))
            return path.lexically_normal();
    return std::nullopt;
}

std::string find_relay() {
    if (auto path = find_beside({"../libexec/ipcrun/ipcrun-relay", "../relay/ipcrun-relay"}))
        return *path;
    fail(ErrorCode::config, "ipcrun-relay is not in libexec/ipcrun beside {} (install ipcrun anew)",
         own_folder().string());
}

}  // namespace

SearchPlaces own_search_places() {
    return {environment_variable("PATH"), environment_variable("IPCRUN_LUA")};
}

std::string find_interpreter(const SearchPlaces& places) {
    if (places.interpreter && !places.interpreter->empty()) {
        check_executable(*places.interpreter);
        return *places.interpreter;
    }
    if (auto path = find_beside(
            {"ipcrun-lua", "../../bin/ipcrun-lua", "../bindings/lua/interpreter/ipcrun-lua"}))
        return *path;
    fail(ErrorCode::config,
         "the interpreter ipcrun-lua is not beside {} (set IPCRUN_LUA to its path)",
         (own_folder() / "ipcrun").string());
}

std::string find_family_agent() {
    if (const auto named = environment_variable("IPCRUN_AGENT"); named && !named->empty()) {
        check_executable(*named);
        return *named;
    }
    if (auto path = find_beside({"ipcrun-agent", "../launcher/ipcrun-agent"})) return *path;
    fail(ErrorCode::config, "ipcrun-agent is not in {} (set IPCRUN_AGENT to its path)",
         own_folder().string());
}

std::string find_executable(const std::string& name, const SearchPlaces& places) {
    if (name.empty()) fail(ErrorCode::usage, "run '': a program's name is not empty");
    if (name.find('/') == std::string::npos) return search_path(name, places);
    check_executable(name);
    return name;
}

Program find_program(const std::vector<std::string>& command, const SearchPlaces& places) {
    const std::string& name = command.front();
    if (name.ends_with(".lua")) {
        if (!is_file(name)) fail(ErrorCode::usage, "run script '{}': {}", name, reason(name));
        if (!may(name, R_OK))
            fail(ErrorCode::usage, "run script '{}': it may not be read (chmod +r '{}')", name,
                 name);
        Program program{find_interpreter(places), {"ipcrun-lua"}};
        // A name that begins with a dash must not look like an option of the interpreter.
        program.argv.push_back(name.starts_with('-') ? "./" + name : name);
        program.argv.insert(program.argv.end(), command.begin() + 1, command.end());
        return program;
    }
    if (name == relay_program) return {find_relay(), command};
    return {find_executable(name, places), command};
}

std::string find_link_measurer() {
    if (auto path = find_beside(
            {"../libexec/ipcrun/ipcrun-measure-links", "../measure/ipcrun-measure-links"}))
        return *path;
    fail(ErrorCode::config,
         "option --measure-links: ipcrun-measure-links is not in libexec/ipcrun beside {} (install "
         "ipcrun anew)",
         own_folder().string());
}

std::string_view spawn_advice(int error_number) {
    switch (error_number) {
        case ENFILE:
            return "; raise the system's limit of open files (sysctl fs.file-max)";
        case EAGAIN:
            return "; raise the limit of processes (ulimit -u, or the cgroup's pids.max)";
        case ENOEXEC:
            return "; a script begins with a line such as #!/bin/sh";
        default:
            return "";
    }
}

void enter_directory(const std::string& directory) {
    if (::chdir(directory.c_str()) != 0)
        fail(ErrorCode::usage, "option --wdir: directory '{}': {}", directory,
             std::strerror(errno));
    if (!may(".", W_OK | X_OK))
        fail(ErrorCode::usage, "option --wdir: directory '{}' may not be written: {}", directory,
             std::strerror(errno));
}

}  // namespace ipcrun
