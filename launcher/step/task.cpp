// SPDX-License-Identifier: Apache-2.0
#include "launcher/step/task.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "base/fail.hpp"
#include "launcher/environment.hpp"
#include "launcher/program.hpp"

namespace ipcrun {

namespace {

void check_options(const Options& options, std::size_t arguments) {
    const std::size_t allowed = (options.verbose ? 1 : 0) + (options.dry_run ? 1 : 0);
    if (arguments > allowed)
        fail(ErrorCode::usage,
             "another launcher (srun) has started several of these, and decides how many ranks "
             "there are and where: give ipcrun no options but -v and --dry-run here, or start it "
             "once, by salloc or sbatch");
}

}  // namespace

BootstrapChoice find_step(const std::vector<std::string>& environment) {
    const auto lookup = [&](std::string_view name) -> std::optional<std::string> {
        const auto value = find_variable(environment, name);
        return value ? std::optional<std::string>(*value) : std::nullopt;
    };
    if (lookup("IPCRUN_RANK")) return {BootstrapKind::alone, "this is a rank already"};
    return choose_bootstrap(lookup, can_load_library);
}

int run_as_task(const Options& options, std::size_t arguments, const BootstrapChoice& choice) {
    check_options(options, arguments);
    if (options.verbose || options.dry_run)
        fmt::print(stderr, "ipcrun: one task of several, which find each other by {}: {}\n",
                   name_of(choice.kind), choice.reason);
    if (options.dry_run) return 0;
    Program program = find_program(options.command);
    std::vector<char*> argv;
    for (std::string& word : program.argv) argv.push_back(word.data());
    argv.push_back(nullptr);
    (void)::execv(program.file.c_str(), argv.data());
    fail(ErrorCode::usage, "execute '{}': {}", program.file, std::strerror(errno));
}

}  // namespace ipcrun
