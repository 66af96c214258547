// SPDX-License-Identifier: Apache-2.0
// What the hosts are, and which rank is where.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "launcher/show/host_kinds.hpp"
#include "launcher/show/numbers.hpp"
#include "launcher/show/text_sections.hpp"

namespace ipcrun::show {

namespace {

using topology::Place;

constexpr std::size_t kinds_shown = 4;
/// Up to so many ranks each has a line of its own.
constexpr int rank_lines = 32;
/// Lines for each kind of host beyond that.
constexpr std::size_t run_lines = 12;
constexpr std::size_t cpus_columns = 28;

void add_wrapped(Lines& lines, const std::string& label, const std::string& text,
                 std::size_t columns) {
    std::string head = fmt::format("  {:<6}", label);
    for (const std::string& line : wrap(text, columns - head.size())) {
        lines.push_back(head + line);
        head.assign(head.size(), ' ');
    }
}

void add_machine(Lines& lines, const topology::Machine& machine, std::size_t columns) {
    add_wrapped(lines, "CPUs", describe_processors(machine), columns);
    for (const std::string& line : describe_gpus(machine))
        add_wrapped(lines, "GPUs", line, columns);
    const std::string gpu_links = describe_gpu_links(machine);
    if (!gpu_links.empty()) add_wrapped(lines, "", "linked: " + gpu_links, columns);
    std::string label = "NICs";
    for (const std::string& line : describe_nics(machine)) {
        add_wrapped(lines, label, line, columns);
        label.clear();
    }
}

/// A line of the table of ranks: one rank, or neighbours that differ in their CPUs alone.
struct Run {
    std::vector<int> ranks;
    std::vector<int> cpus;
    const Place* place = nullptr;
};

bool is_alike(const Place& a, const Place& b) {
    return a.memory_nodes == b.memory_nodes && a.threads == b.threads && a.gpu == b.gpu &&
           a.nic == b.nic && a.spot.package == b.spot.package;
}

std::vector<Run> runs_of(const Overview& overview, int host, bool joined) {
    const auto ranks = overview.placement.ranks_of(host);
    const auto& places = overview.placement.layouts[overview.placement.layout_of_host[host]].places;
    std::vector<Run> runs;
    for (std::size_t local = 0; local < ranks.size(); ++local) {
        const Place& place = places[local];
        if (!joined || runs.empty() || !is_alike(*runs.back().place, place))
            runs.push_back({{}, {}, &place});
        runs.back().ranks.push_back(ranks[local]);
        runs.back().cpus.insert(runs.back().cpus.end(), place.cpus.begin(), place.cpus.end());
    }
    for (Run& run : runs) {
        for (auto* numbers : {&run.ranks, &run.cpus}) {
            std::ranges::sort(*numbers);
            numbers->erase(std::unique(numbers->begin(), numbers->end()), numbers->end());
        }
    }
    return runs;
}

/// Index from 0 of a spot, where 0 stands for none in common.
std::string spot_text(int spot) {
    return spot == 0 ? "-" : std::to_string(spot - 1);
}

std::string numa_text(const topology::Machine& machine, const Place& place) {
    if (!place.memory_nodes.empty()) return format_some(place.memory_nodes, 12);
    if (place.spot.numa_node == 0) return "-";
    return std::to_string(machine.numa_nodes[place.spot.numa_node - 1].os_index);
}

template <typename Devices>
std::string device_text(const Devices& devices, int index) {
    return index < 0 ? "-" : printable(devices[index].name);
}

Row row_of(const Overview& overview, int host, const Run& run) {
    const topology::Machine& machine = overview.cluster.machine_of(host);
    const Place& place = *run.place;
    const bool is_one = run.ranks.size() == 1;
    return {format_some(run.ranks, 16),
            cut(printable(overview.cluster.hosts[host].name), 16),
            format_some(run.cpus, cpus_columns),
            std::to_string(place.threads),
            spot_text(place.spot.package),
            numa_text(machine, place),
            is_one ? spot_text(place.spot.last_level_cache) : "-",
            device_text(machine.gpus, place.gpu),
            device_text(machine.nics, place.nic)};
}

const std::string alignment = "rllrrrrll";

Row heading(bool several_hosts) {
    return {"rank", several_hosts ? "host" : "", "CPUs", "threads", "package", "NUMA", "L3", "GPU",
            "NIC"};
}

Lines every_rank(const Overview& overview) {
    const bool several = overview.cluster.hosts.size() > 1;
    std::vector<Row> rows(static_cast<std::size_t>(overview.ranks()));
    for (int host = 0; host < static_cast<int>(overview.cluster.hosts.size()); ++host) {
        if (overview.placement.layout_of_host[host] < 0) continue;
        for (const Run& run : runs_of(overview, host, false))
            rows[run.ranks.front()] = row_of(overview, host, run);
    }
    if (!several)
        for (Row& row : rows) row[1].clear();
    rows.insert(rows.begin(), heading(several));
    return lay_out(rows, alignment);
}

void add_kind(Lines& lines, const Overview& overview, const HostKind& kind) {
    const int host = kind.hosts.front();
    const auto ranks = static_cast<std::int64_t>(overview.placement.ranks_of(host).size());
    lines.push_back(fmt::format("{}: {}{}", names_of(overview.cluster, kind.hosts),
                                counted(ranks, "rank"),
                                kind.hosts.size() > 1 ? " each; on the first:" : ""));
    std::vector<Run> runs = runs_of(overview, host, true);
    const std::size_t left_out = runs.size() > run_lines ? runs.size() - run_lines + 1 : 0;
    runs.resize(runs.size() - left_out);
    std::vector<Row> rows = {heading(false)};
    for (const Run& run : runs) {
        rows.push_back(row_of(overview, host, run));
        rows.back()[1].clear();
    }
    for (const std::string& line : lay_out(rows, alignment)) lines.push_back("  " + line);
    if (left_out > 0)
        lines.push_back(fmt::format("  ... and {} more such lines",
                                    format_count(static_cast<std::int64_t>(left_out))));
}

}  // namespace

Lines machine_section(const Overview& overview, std::size_t columns) {
    const topology::Cluster& cluster = overview.cluster;
    std::vector<std::vector<int>> hosts(cluster.machines.size());
    for (int host = 0; host < static_cast<int>(cluster.hosts.size()); ++host)
        hosts[cluster.hosts[host].machine].push_back(host);
    Lines lines;
    std::size_t shown = 0;
    for (std::size_t machine = 0; machine < hosts.size(); ++machine) {
        if (hosts[machine].empty() || ++shown > kinds_shown) continue;
        lines.push_back(names_of(cluster, hosts[machine]));
        if (shown == 1) lines.back() += fmt::format(" ({})", printable(overview.source));
        add_machine(lines, cluster.machines[machine], columns);
    }
    if (shown > kinds_shown)
        lines.push_back(
            fmt::format("... and {} of machines more",
                        counted(static_cast<std::int64_t>(shown - kinds_shown), "kind")));
    if (!cluster.switches.empty()) {
        lines.push_back(fmt::format(
            "Network: {}",
            counted(static_cast<std::int64_t>(cluster.switches.size()), "switch", "switches")));
    }
    return lines;
}

Lines rank_section(const Overview& overview) {
    if (overview.ranks() <= rank_lines) return every_rank(overview);
    Lines lines;
    std::size_t shown = 0, hosts_left = 0;
    for (const HostKind& kind : host_kinds(overview.cluster, overview.placement)) {
        if (kind.layout < 0) {
            lines.push_back(names_of(overview.cluster, kind.hosts) + ": no ranks");
        } else if (++shown <= kinds_shown) {
            add_kind(lines, overview, kind);
        } else {
            hosts_left += kind.hosts.size();
        }
    }
    if (hosts_left > 0)
        lines.push_back(
            fmt::format("... and {} of {} with other places",
                        counted(static_cast<std::int64_t>(hosts_left), "host"),
                        counted(static_cast<std::int64_t>(shown - kinds_shown), "kind")));
    return lines;
}

}  // namespace ipcrun::show
