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
constexpr int planned_ranks_max = 1 << 24;  ///< more than any machine has

struct EnvironmentSetting {
    std::string name;
    std::optional<std::string> value;  ///< nullopt: the variable has to be there already
};

struct Options {
    std::optional<int> ranks = {};  ///< absent: one a core that may be used
    std::vector<EnvironmentSetting> environment = {};
    std::string hosts = {};     ///< of --hosts; empty: not given
    std::string hostfile = {};  ///< its name; empty: none
    std::string excluded_hosts = {};
    std::string ssh_arguments = {};
    std::string agent_path = {};       ///< of ipcrun on other hosts; empty: that of this program
    int ssh_fan_out = 32;              ///< how many agents one process starts
    std::string interface = {};        ///< that hosts are reached at; empty: by the route of ssh
    double host_timeout_seconds = 10;  ///< silence of a host that counts as its end; 0: none does
    std::string directory = {};        ///< empty: the present one
    topology::Mapping mapping = {};    ///< but for the rankfile, which is not read here
    std::string rankfile = {};         ///< its name; empty: none
    std::string machines = {};         ///< in place of this one (--topology); empty: none
    std::string links = {};            ///< a file of measured costs; empty: none
    int tree_degree = 2;               ///< 0: as many children as pay
    bool dry_run = false;
    bool json = false;
    std::string picture = {};  ///< file to draw into; empty: none
    std::optional<double> explain_bytes = {};
    bool measure_links = false;
    bool report_bindings = false;
    bool verbose = false;
    bool tag_output = false;
    std::optional<double> timeout_seconds = {};
    std::optional<int> stdin_rank = {};  ///< absent: rank 0, unless a terminal; stdin_none: nobody
    double grace_seconds = 0.5;
    bool help = false;
    bool version = false;
    std::vector<std::string> command =
        {};  ///< program and arguments; may be empty where nothing is started
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
