// SPDX-License-Identifier: Apache-2.0
#include "launcher/options.hpp"

#include <getopt.h>

#include <algorithm>

#include "base/fail.hpp"
#include "base/text.hpp"

namespace ipcrun {

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

// "; did you mean --np?" for the option that is nearest, or nothing when none is near.
std::string suggestion_for(std::string_view typed) {
    std::string_view nearest;
    std::size_t least = typed.size() / 2 + 1;
    for (const OptionRule& rule : option_rules())
        for (const std::string_view name : rule.names)
            if (const std::size_t distance = edit_distance(typed, name); distance < least) {
                least = distance;
                nearest = name;
            }
    return nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest);
}

// getopt's own form of the table: `val` is the index of the rule from `first_value` on.
struct GetoptTable {
    static constexpr int first_value = 256;
    std::string short_options = "+:";
    std::vector<option> long_options;
    std::vector<std::string> names;  // keeps the long names alive

    GetoptTable() {
        for (const OptionRule& rule : option_rules())
            for (const std::string_view name : rule.names)
                if (name.size() > 2)
                    names.emplace_back(name.substr(name.starts_with("--") ? 2 : 1));
        auto next_name = names.begin();
        for (std::size_t i = 0; i < option_rules().size(); ++i) {
            const bool takes_argument = !option_rules()[i].argument.empty();
            for (const std::string_view name : option_rules()[i].names) {
                if (name.size() == 2)
                    short_options += std::string(1, name[1]) + (takes_argument ? ":" : "");
                else
                    long_options.push_back({(next_name++)->c_str(), takes_argument, nullptr,
                                            first_value + static_cast<int>(i)});
            }
        }
        long_options.push_back({nullptr, 0, nullptr, 0});
    }

    static const OptionRule* rule_of(int value) {
        if (value >= first_value)
            return &option_rules()[static_cast<std::size_t>(value - first_value)];
        const std::string name = {'-', static_cast<char>(value)};
        for (const OptionRule& rule : option_rules())
            if (std::find(rule.names.begin(), rule.names.end(), name) != rule.names.end())
                return &rule;
        return nullptr;
    }
};

[[noreturn]] void fail_unknown(std::string_view typed) {
    const auto name = typed.substr(0, typed.find('='));
    for (const OptionRule& rule : option_rules())
        for (const std::string_view known : rule.names)
            if (name == known && typed != name)
                fail(ErrorCode::usage, "option {} takes no value", name);
    fail(ErrorCode::usage, "unknown option '{}'{} (ipcrun --help lists all)", name,
         suggestion_for(name));
}

}  // namespace

Options parse_options(const std::vector<std::string>& argv) {
    const GetoptTable table;
    std::vector<char*> pointers;
    for (const std::string& text : argv) pointers.push_back(const_cast<char*>(text.c_str()));
    const int count = static_cast<int>(pointers.size());
    pointers.push_back(nullptr);
    Options options;
    ::opterr = 0;
    ::optind = 0;  // makes glibc begin anew
    for (;;) {
        const int before = std::max(::optind, 1);
        const int value = ::getopt_long_only(count, pointers.data(), table.short_options.c_str(),
                                             table.long_options.data(), nullptr);
        if (value == -1) break;
        if (value == '?') fail_unknown(argv[static_cast<std::size_t>(before)]);
        const OptionRule* rule = table.rule_of(value == ':' ? ::optopt : value);
        check(rule != nullptr, "getopt knows an option that the table does not");
        if (value == ':')
            fail(ErrorCode::usage, "option {} needs an argument: {} {}", rule->names.front(),
                 rule->names.front(), rule->argument);
        rule->apply(options, ::optarg == nullptr ? "" : ::optarg);
    }
    options.command.assign(argv.begin() + ::optind, argv.end());
    const bool starts_nothing =
        options.help || options.version || options.dry_run || options.measure_links;
    if (options.measure_links && (options.dry_run || !options.command.empty()))
        fail(ErrorCode::usage, "option --measure-links stands alone: it runs no '{}'",
             options.dry_run ? "--dry-run" : options.command.front());
    if (options.command.empty() && !starts_nothing)
        fail(ErrorCode::usage, "no program given; for example: ipcrun -n 4 train.lua");
    return options;
}

std::string format_help() {
    std::string text =
        "usage: ipcrun [options] program [arguments]\n"
        "Runs a program as the ranks of one job, on this host or on several. A program whose name "
        "ends\n"
        "in .lua runs in ipcrun-lua, any other as it is.\n\n";
    constexpr std::size_t column = 26;
    for (const OptionRule& rule : option_rules()) {
        std::string left = "  " + fmt::format("{}", fmt::join(rule.names, ", "));
        if (!rule.argument.empty()) left += fmt::format(" {}", rule.argument);
        if (left.size() + 1 > column) {
            text += left + '\n';
            left.clear();
        }
        for (const std::string_view line : split(rule.help, '\n')) {
            text += fmt::format("{:<{}}{}\n", left, column, line);
            left.clear();
        }
    }
    return text + "\nThe exit status is that of the first rank that failed. See ipcrun(1).\n";
}

}  // namespace ipcrun
