// SPDX-License-Identifier: Apache-2.0
#include "launcher/hosts/launch_here.hpp"

#include <unistd.h>

#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/fail.hpp"
#include "launcher/environment.hpp"
#include "launcher/hosts/host_environment.hpp"
#include "launcher/program.hpp"
#include "launcher/surroundings.hpp"

namespace ipcrun {

namespace {

std::optional<std::string> value_of(const std::vector<std::string>& environment,
                                    std::string_view name) {
    const auto value = find_variable(environment, name);
    return value ? std::optional<std::string>(*value) : std::nullopt;
}

}  // namespace

Launch prepare_launch(Launch launch) {
    if (!launch.program.empty()) return launch;
    if (launch.argv.empty()) fail(ErrorCode::protocol, "a launch without a program");
    if (!launch.directory.empty() && ::chdir(launch.directory.c_str()) != 0)
        fail(ErrorCode::usage,
             "enter directory '{}': {} (--wdir names one for all hosts, wdir= in the host file for "
             "one)",
             launch.directory, std::strerror(errno));
    launch.environment = environment_on_host(launch.environment, read_surroundings().environment,
                                             launch.own_variables, launch.directory);
    launch.directory.clear();
    Program program =
        find_program(launch.argv, {.path = value_of(launch.environment, "PATH"),
                                   .interpreter = value_of(launch.environment, "IPCRUN_LUA")});
    launch.program = std::move(program.file);
    launch.argv = std::move(program.argv);
    return launch;
}

}  // namespace ipcrun
