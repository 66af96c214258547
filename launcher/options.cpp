// SPDX-License-Identifier: Apache-2.0
#include "launcher/options.hpp"

#include <getopt.h>

#include <algorithm>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

namespace {

double parse_seconds(std::string_view option, std::string_view text, bool zero_allowed) {
    const auto seconds = parse_number<double>(text);
    if (!seconds || *seconds < 0 || (*seconds == 0 && !zero_allowed) || *seconds > seconds_max)
        fail(ErrorCode::usage,
             "option {} takes a {} number of seconds, for example {} 2.5; not '{}'", option,
             zero_allowed ? "non-negative" : "positive", option, text);
    return *seconds;
}

void set_ranks(Options& options, std::string_view text) {
    const auto ranks = parse_number<int>(text);
    if (!ranks || *ranks < 1 || *ranks > node_ranks_max)
        fail(ErrorCode::usage, "option -n takes the number of ranks, 1 to {}; not '{}'",
             node_ranks_max, text);
    options.ranks = ranks;
}

void add_environment(Options& options, std::string_view text) {
    const auto equals = text.find('=');
    if (text.empty() || equals == 0)
        fail(ErrorCode::usage, "option -x takes NAME or NAME=VALUE; not '{}'", text);
    EnvironmentSetting setting{std::string(text.substr(0, equals)), std::nullopt};
    if (equals != std::string_view::npos) setting.value = text.substr(equals + 1);
    options.environment.push_back(std::move(setting));
}

void set_directory(Options& options, std::string_view text) {
    if (text.empty()) fail(ErrorCode::usage, "option --wdir takes a directory; not ''");
    options.directory = text;
}

void set_bind_to(Options& options, std::string_view text) {
    options.mapping.bind_to = topology::parse_bind_to(text);
}

void set_stdin(Options& options, std::string_view text) {
    const auto rank = text == "none" ? std::optional(stdin_none) : parse_number<int>(text);
    if (!rank || (*rank < 0 && text != "none"))
        fail(ErrorCode::usage, "option --stdin takes a rank, from 0, or none; not '{}'", text);
    options.stdin_rank = rank;
}

const std::vector<OptionRule> rules = {
    {{"-n", "-np", "--np"},
     "N",
     "start N ranks; default: one for every core that may be used",
     set_ranks},
    {{"-x"},
     "NAME[=VALUE]",
     "set an environment variable for all ranks, or require that it is set;\n"
     "ranks inherit the whole environment anyway; may be repeated",
     add_environment},
    {{"--wdir"}, "DIR", "run as if ipcrun had been started in DIR", set_directory},
    {{"--bind-to"},
     "WHAT",
     "bind each rank to WHAT: auto, none, hwthread, core, l3, numa or package;\n"
     "default: auto, an even share of the cores, of its own while there are enough",
     set_bind_to},
    {{"--report-bindings"},
     "",
     "say on standard error where each rank is bound",
     [](Options& options, std::string_view) { options.report_bindings = true; }},
    {{"--tag-output"},
     "",
     "begin each line of output with the rank in brackets",
     [](Options& options, std::string_view) { options.tag_output = true; }},
    {{"--timeout"},
     "SECONDS",
     "end the job, with exit status 124, when it takes longer",
     [](Options& options, std::string_view text) {
         options.timeout_seconds = parse_seconds("--timeout", text, false);
     }},
    {{"--stdin"},
     "RANK",
     "give standard input to RANK, or to no rank (none); default: rank 0, unless\n"
     "it is a terminal",
     set_stdin},
    {{"--grace"},
     "SECONDS",
     "time between asking ranks to end (TERM) and killing them; default: 0.5",
     [](Options& options, std::string_view text) {
         options.grace_seconds = parse_seconds("--grace", text, true);
     }},
    {{"--version"},
     "",
     "print the version",
     [](Options& options, std::string_view) { options.version = true; }},
    {{"--help"},
     "",
     "print this text",
     [](Options& options, std::string_view) { options.help = true; }},
};

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
    for (const OptionRule& rule : rules)
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
        for (const OptionRule& rule : rules)
            for (const std::string_view name : rule.names)
                if (name.size() > 2)
                    names.emplace_back(name.substr(name.starts_with("--") ? 2 : 1));
        auto next_name = names.begin();
        for (std::size_t i = 0; i < rules.size(); ++i) {
            const bool takes_argument = !rules[i].argument.empty();
            for (const std::string_view name : rules[i].names) {
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
        if (value >= first_value) return &rules[static_cast<std::size_t>(value - first_value)];
        const std::string name = {'-', static_cast<char>(value)};
        for (const OptionRule& rule : rules)
            if (std::find(rule.names.begin(), rule.names.end(), name) != rule.names.end())
                return &rule;
        return nullptr;
    }
};

[[noreturn]] void fail_unknown(std::string_view typed) {
    const auto name = typed.substr(0, typed.find('='));
    for (const OptionRule& rule : rules)
        for (const std::string_view known : rule.names)
            if (name == known && typed != name)
                fail(ErrorCode::usage, "option {} takes no value", name);
    fail(ErrorCode::usage, "unknown option '{}'{} (ipcrun --help lists all)", name,
         suggestion_for(name));
}

}  // namespace

const std::vector<OptionRule>& option_rules() {
    return rules;
}

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
    if (options.command.empty() && !options.help && !options.version)
        fail(ErrorCode::usage, "no program given; for example: ipcrun -n 4 train.lua");
    return options;
}

std::string format_help() {
    std::string text =
        "usage: ipcrun [options] program [arguments]\n"
        "Runs a program as the ranks of one job on this machine. A program whose name ends in "
        ".lua\n"
        "runs in ipcrun-lua, any other as it is.\n\n";
    constexpr std::size_t column = 26;
    for (const OptionRule& rule : rules) {
        std::string left = "  " + fmt::format("{}", fmt::join(rule.names, ", "));
        if (!rule.argument.empty()) left += fmt::format(" {}", rule.argument);
        for (const std::string_view line : split(rule.help, '\n')) {
            text += fmt::format("{:<{}}{}\n", left, column, line);
            left.clear();
        }
    }
    return text + "\nThe exit status is that of the first rank that failed. See ipcrun(1).\n";
}

}  // namespace ipcrun
