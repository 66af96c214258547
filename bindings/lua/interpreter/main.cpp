// SPDX-License-Identifier: Apache-2.0
// ipcrun-lua: a Lua 5.4 interpreter with the modules of ipcrun, alone or as a rank of a job.
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "bindings/lua/interpreter/error_report.hpp"
#include "bindings/lua/interpreter/options.hpp"
#include "bindings/lua/interpreter/run.hpp"

int main(int argc, char** argv) {
    using namespace ipcrun;
    try {
        // Under a launcher stdout is a pipe, and lines are to appear when they are written.
        (void)std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
        const lua::ErrorReport report;
        lua::Options options;
        try {
            options = lua::parse_options(argc, argv);
        } catch (const std::exception& error) {
            report.send(Report::Kind::load_error, error.what());
            return EXIT_FAILURE;
        }
        if (options.help) {
            std::fputs(lua::format_help().c_str(), stdout);
            return EXIT_SUCCESS;
        }
        return lua::run(options, argc, argv, report);
    } catch (const std::exception& error) {
        lua::print_error(error.what());
        return EXIT_FAILURE;
    }
}
