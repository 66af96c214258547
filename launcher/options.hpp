// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The command line of ipcrun as values. One table says which options there are; parsing, --help
/// and the test of the manual page read it.

#include <optional>
#include <string>
#include <vector>

#include "topology/place/mapping.hpp"

namespace ipcrun {

constexpr double seconds_max = 1e8;  ///< three years: longer is a slip of the pen
constexpr int stdin_none = -1;

struct EnvironmentSetting {
    std::string name;
    std::optional<std::string> value;  ///< nullopt: the variable has to be there already
};

struct Options {
    std::optional<int> ranks;  ///< absent: one a core that may be used
    std::vector<EnvironmentSetting> environment = {};
    std::string directory = {};  ///< empty: the present one
    topology::Mapping mapping = {};
    bool report_bindings = false;
    bool tag_output = false;
    std::optional<double> timeout_seconds = {};
    std::optional<int> stdin_rank = {};  ///< absent: rank 0, unless a terminal; stdin_none: nobody
    double grace_seconds = 0.5;
    bool help = false;
    bool version = false;
    std::vector<std::string> command =
        {};  ///< program and arguments; empty only with help or version
};

/// One option: what people type, what they read about it, and what it does.
struct OptionRule {
    std::vector<std::string_view> names;  ///< with their dashes, the first is the usual one
    std::string_view argument;            ///< what --help calls its argument; empty: takes none
    std::string_view help;                ///< may have several lines
    /// Puts the argument into the options; throws Error{usage} when it makes no sense.
    void (*apply)(Options& options, std::string_view argument);
};

const std::vector<OptionRule>& option_rules();

/// Parses argv, which stops at the program's name. Throws Error{usage} that says what is wrong and
/// what would be right. Not for several threads at a time (getopt).
Options parse_options(const std::vector<std::string>& argv);

/// What --help prints.
std::string format_help();

}  // namespace ipcrun
