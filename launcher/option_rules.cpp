// SPDX-License-Identifier: Apache-2.0
// The table of options, and how each reads its argument.
#include <cmath>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "launcher/hosts/ssh.hpp"
#include "launcher/options.hpp"
#include "runtime/wire/rank_environment.hpp"

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
    if (!ranks || *ranks < 1 || *ranks > planned_ranks_max)
        fail(ErrorCode::usage, "option -n takes the number of ranks, 1 to {}; not '{}'",
             planned_ranks_max, text);
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

// For options whose argument is a list of hosts, which is read with the others that name hosts.
std::string hosts_of(std::string_view option, std::string_view text) {
    if (text.empty())
        fail(ErrorCode::usage, "option {} takes hosts, for example a,b or node[01-04]; not ''",
             option);
    return std::string(text);
}

// For options whose argument is the name of a file.
std::string file_of(std::string_view option, std::string_view text) {
    if (text.empty()) fail(ErrorCode::usage, "option {} takes a file; not ''", option);
    return std::string(text);
}

void set_tree_degree(Options& options, std::string_view text) {
    const auto degree = text == "auto" ? std::optional(0) : parse_number<int>(text);
    if (!degree || *degree < 0 || (*degree < 1 && text != "auto"))
        fail(ErrorCode::usage,
             "option --tree-degree takes the most children of a rank in the tree, from 1, or auto; "
             "not '{}'",
             text);
    options.tree_degree = *degree;
}

// "8", "64K", "1.5MiB": in bytes.
void set_explain(Options& options, std::string_view text) {
    constexpr double bytes_max = 1e15;
    std::string_view number = text;
    double unit = 1;
    for (const std::string_view suffix : {"iB", "B"})
        if (number.ends_with(suffix)) {
            number.remove_suffix(suffix.size());
            break;
        }
    constexpr std::string_view letters = "KMGT";
    if (const auto power = number.empty() ? letters.npos : letters.find(number.back());
        power != letters.npos) {
        unit = std::exp2(10.0 * static_cast<double>(power + 1));
        number.remove_suffix(1);
    }
    const auto value = parse_number<double>(number);
    if (!value || !(*value * unit >= 1) || *value * unit > bytes_max)
        fail(ErrorCode::usage,
             "option --explain takes the size of an allreduce, for example 8, 64K or 16M; not '{}'",
             text);
    options.explain_bytes = *value * unit;
}

void set_fan_out(Options& options, std::string_view text) {
    constexpr int fan_out_max = 1024;
    const auto count = parse_number<int>(text);
    if (!count || *count < 1 || *count > fan_out_max)
        fail(ErrorCode::usage, "option --ssh-fan-out takes a number of agents, 1 to {}; not '{}'",
             fan_out_max, text);
    options.ssh_fan_out = *count;
}

// Ranks find it in their environment; which providers there are only they can know.
void set_fabric(Options& options, std::string_view text) {
    constexpr std::string_view characters = "abcdefghijklmnopqrstuvwxyz0123456789_-;";
    if (text.empty() || text.find_first_not_of(characters) != std::string_view::npos)
        fail(ErrorCode::usage,
             "option --fabric takes auto, none, or a provider of libfabric, for example "
             "'verbs;ofi_rxm'; not '{}'",
             text);
    options.environment.push_back({fabric_variable, std::string(text)});
}

void set_stdin(Options& options, std::string_view text) {
    const auto rank = text == "none" ? std::optional(stdin_none) : parse_number<int>(text);
    if (!rank || (*rank < 0 && text != "none"))
        fail(ErrorCode::usage, "option --stdin takes a rank, from 0, or none; not '{}'", text);
    options.stdin_rank = rank;
}

}  // namespace

const std::vector<OptionRule>& option_rules() {
    static const std::vector<OptionRule> rules = {
        {{"-n", "-np", "--np"},
         "N",
         "start N ranks; default: one for every core that may be used",
         set_ranks},
        {{"--hosts", "--host", "-H"},
         "LIST",
         "run on these hosts, by ssh, with so many ranks each: a:4,b or n[01-08]:2;\n"
         "default: those of IPCRUN_HOSTS, else of the Slurm job, else this host",
         [](Options& options, std::string_view text) {
             options.hosts = hosts_of("--hosts", text);
         }},
        {{"--hostfile", "--machinefile"},
         "FILE",
         "run on the hosts of FILE, one a line: \"node01 slots=4\"",
         [](Options& options, std::string_view text) {
             options.hostfile = file_of("--hostfile", text);
         }},
        {{"--exclude"},
         "LIST",
         "but not on these hosts",
         [](Options& options, std::string_view text) {
             options.excluded_hosts = hosts_of("--exclude", text);
         }},
        {{"--ssh-args"},
         "ARGS",
         "give ssh these arguments, too: \"-p 2222 -i 'my key'\"",
         [](Options& options, std::string_view text) {
             (void)split_arguments(text);
             options.ssh_arguments = text;
         }},
        {{"--agent-path"},
         "PATH",
         "where ipcrun is on other hosts; default: where it is here",
         [](Options& options, std::string_view text) {
             options.agent_path = file_of("--agent-path", text);
         }},
        {{"--ssh-fan-out"}, "N", "how many agents one process starts; default: 32", set_fan_out},
        {{"--iface"},
         "NAME",
         "reach all hosts by the address of this network interface; default: by that\n"
         "which ssh reaches them at",
         [](Options& options, std::string_view text) {
             if (text.empty()) fail(ErrorCode::usage, "option --iface takes an interface; not ''");
             options.interface = text;
         }},
        {{"--fabric"},
         "PROVIDER",
         "carry long messages between hosts by a provider of libfabric; none: TCP;\n"
         "default: auto, the best that is more than TCP, if there is any",
         set_fabric},
        {{"--deterministic"},
         "",
         "let results not depend, not by a bit, on which ranks are on which host",
         [](Options& options, std::string_view) {
             options.environment.push_back({deterministic_variable, "1"});
         }},
        {{"--host-timeout"},
         "SECONDS",
         "a host that is silent for so long is lost; 0: never; default: 10",
         [](Options& options, std::string_view text) {
             options.host_timeout_seconds = parse_seconds("--host-timeout", text, true);
         }},
        {{"-x"},
         "NAME[=VALUE]",
         "set an environment variable for all ranks, or require that it is set;\n"
         "ranks inherit the environment anyway, on other hosts without what tells of\n"
         "a host, as HOME does, unless it is named here; may be repeated",
         add_environment},
        {{"--wdir"}, "DIR", "run as if ipcrun had been started in DIR", set_directory},
        {{"--map-by"},
         "WHAT",
         "deal ranks out to: slot, node, package, numa, l3, core, hwthread, gpu, or\n"
         "ppr:N:OBJECT; default: auto, even shares of neighbouring cores, near GPUs",
         [](Options& options, std::string_view text) {
             options.mapping.map_by = topology::parse_map_by(text);
         }},
        {{"--rank-by"},
         "WHAT",
         "number the places so found by: slot or node; default: as they were mapped",
         [](Options& options, std::string_view text) {
             options.mapping.rank_by = topology::parse_rank_by(text);
         }},
        {{"--bind-to"},
         "WHAT",
         "bind each rank to WHAT: auto, none, hwthread, core, l3, numa or package;\n"
         "default: auto, an even share of the cores, its own while there are any",
         [](Options& options, std::string_view text) {
             options.mapping.bind_to = topology::parse_bind_to(text);
         }},
        {{"--rankfile"},
         "FILE",
         "bind each rank to the CPUs that FILE gives it: \"rank 0=+n0 slot=0-3\"",
         [](Options& options, std::string_view text) {
             options.rankfile = file_of("--rankfile", text);
         }},
        {{"--topology"},
         "MACHINES",
         "plan for machines of files (XML of hwloc or NCCL; FILE,FILE, FILE*64, or a\n"
         "folder) or of hwloc's short form, in place of this one",
         [](Options& options, std::string_view text) {
             options.machines = file_of("--topology", text);
         }},
        {{"--links"},
         "FILE",
         "take measured costs of links from FILE, in place of what we assume",
         [](Options& options, std::string_view text) { options.links = file_of("--links", text); }},
        {{"--tree-degree"},
         "N",
         "let a rank have at most N children in the tree, or as many as pay (auto);\n"
         "default: 2",
         set_tree_degree},
        {{"--dry-run"},
         "",
         "start nothing: print the machine, who goes where, links, tree and times",
         [](Options& options, std::string_view) { options.dry_run = true; }},
        {{"--json"},
         "",
         "as --dry-run, in JSON",
         [](Options& options, std::string_view) { options.dry_run = options.json = true; }},
        {{"--picture"},
         "FILE.svg",
         "as --dry-run, and draw machine and tree into FILE.svg",
         [](Options& options, std::string_view text) {
             options.dry_run = true;
             options.picture = file_of("--picture", text);
         }},
        {{"--explain"},
         "SIZE",
         "as --dry-run: how long each algorithm takes for an allreduce of SIZE",
         [](Options& options, std::string_view text) {
             options.dry_run = true;
             set_explain(options, text);
         }},
        {{"--measure-links"},
         "",
         "measure what links of this machine cost, and keep it for later plans",
         [](Options& options, std::string_view) { options.measure_links = true; }},
        {{"--report-bindings"},
         "",
         "say on standard error where each rank is bound",
         [](Options& options, std::string_view) { options.report_bindings = true; }},
        {{"-v", "--verbose"},
         "",
         "say on standard error at which address each host is reached, and why",
         [](Options& options, std::string_view) { options.verbose = true; }},
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
        {{"--help", "-h"},
         "",
         "print this text",
         [](Options& options, std::string_view) { options.help = true; }},
    };

    return rules;
}

}  // namespace ipcrun
