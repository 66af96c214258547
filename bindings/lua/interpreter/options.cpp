// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/interpreter/options.hpp"

#include <cstring>
#include <string_view>

#include "base/fail.hpp"

namespace ipcrun::lua {

namespace {

enum class Name { execute, interactive, require, version, environment, warnings, help, end, input };

struct OptionText {
    Name name;
    std::string_view option;
    std::string_view argument;  ///< empty: takes none
    std::string_view text;
};

// The one list of options: parsed from, printed by --help, compared with the manual page by a test.
constexpr OptionText table[] = {
    {Name::execute, "-e", "STAT", "run the Lua code STAT"},
    {Name::interactive, "-i", "", "read and run lines after the script"},
    {Name::require, "-l", "MOD", "require the module MOD into the global MOD"},
    {Name::require, "-l", "NAME=MOD", "require the module MOD into the global NAME"},
    {Name::version, "-v", "", "print the version"},
    {Name::environment, "-E", "", "ignore the environment variables of Lua"},
    {Name::warnings, "-W", "", "turn warnings on"},
    {Name::help, "-h", "", "print this help"},
    {Name::help, "--help", "", "print this help"},
    {Name::end, "--", "", "end the options"},
    {Name::input, "-", "", "end the options and run standard input as the script"},
};

// The entry for `word`, whose argument may stick to it ("-lmath"); null: no such option.
const OptionText* find(std::string_view word) {
    for (const OptionText& entry : table) {
        if (word == entry.option) return &entry;
        if (!entry.argument.empty() && word.substr(0, 2) == entry.option) return &entry;
    }
    return nullptr;
}

}  // namespace

Options parse_options(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        if (argv[i][0] != '-') {
            options.script = i;
            return options;
        }
        const OptionText* found = find(argv[i]);
        if (found == nullptr)
            fail(ErrorCode::usage, "unknown option '{}' (see ipcrun-lua --help)", argv[i]);
        const char* argument = argv[i] + found->option.size();
        if (!found->argument.empty() && *argument == '\0') {
            if (i + 1 == argc)
                fail(ErrorCode::usage, "option '{}' needs an argument {}", found->option,
                     found->argument);
            argument = argv[++i];
        }
        switch (found->name) {
            case Name::execute:
                options.actions.push_back({Action::Kind::execute, argument});
                break;
            case Name::require:
                options.actions.push_back({Action::Kind::require, argument});
                break;
            case Name::warnings:
                options.actions.push_back({Action::Kind::warnings});
                break;
            case Name::interactive:
                options.interactive = options.version = true;
                break;
            case Name::version:
                options.version = true;
                break;
            case Name::environment:
                options.ignore_environment = true;
                break;
            case Name::help:
                options.help = true;
                return options;
            case Name::end:
                options.script = i + 1 < argc ? i + 1 : 0;
                return options;
            case Name::input:
                options.script = i;
                return options;
        }
    }
    return options;
}

std::string format_help() {
    std::string text =
        "usage: ipcrun-lua [options] [script [args]]\n"
        "Runs a Lua 5.4 script, alone or as a rank of ipcrun, with the modules of ipcrun built "
        "in.\n"
        "\n";
    for (const OptionText& entry : table) {
        const std::string head = fmt::format("{} {}", entry.option, entry.argument);
        text += fmt::format("  {:<14}{}\n", head, entry.text);
    }
    return text;
}

}  // namespace ipcrun::lua
