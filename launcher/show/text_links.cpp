// SPDX-License-Identifier: Apache-2.0
// Which link each pair of ranks has, and what the classes of links cost.
#include <fmt/format.h>

#include <array>

#include "launcher/show/numbers.hpp"
#include "launcher/show/text_sections.hpp"

namespace ipcrun::show {

namespace {

using topology::LinkClass;

std::string_view code_of(LinkClass link_class) {
    constexpr std::array<std::string_view, topology::link_classes> codes = {
        "=", "C", "L2", "L3", "N", "P", "M", "NV", "SW", "BR", "HB", "PM", "ns", "n"};
    return codes[static_cast<std::size_t>(link_class)];
}

Lines matrix(const Overview& overview) {
    const int ranks = overview.ranks();
    std::vector<Row> rows(1, Row{""});
    for (int rank = 0; rank < ranks; ++rank) rows[0].push_back(std::to_string(rank));
    for (int a = 0; a < ranks; ++a) {
        Row& row = rows.emplace_back(Row{std::to_string(a)});
        for (int b = 0; b < ranks; ++b) {
            const topology::Link& link = overview.pairs[a * ranks + b];
            row.push_back(
                a == b ? "." : std::string(code_of(link.link_class)) + (link.measured ? "*" : ""));
        }
    }
    Lines lines = lay_out(rows, std::string(static_cast<std::size_t>(ranks) + 1, 'r'));
    return lines;
}

std::int64_t tree_edges(const Overview& overview, LinkClass link_class) {
    std::int64_t edges = 0;
    for (const TreeLevel& level : overview.tree.levels)
        edges += level.edges[static_cast<std::size_t>(link_class)];
    return edges;
}

Lines legend(const Overview& overview, bool with_codes) {
    std::vector<Row> rows = {
        {with_codes ? "code" : "", "class", "latency", "bandwidth", "pairs", "in tree"}};
    bool measured = false;
    for (const ClassOfLinks& row : overview.classes) {
        measured = measured || row.measured;
        rows.push_back(
            {with_codes ? std::string(code_of(row.link_class)) : "",
             fmt::format("{}{}", name_of(row.link_class), row.measured && !with_codes ? " *" : ""),
             format_latency(row), format_bandwidth(row), format_count(row.pairs),
             format_count(tree_edges(overview, row.link_class))});
    }
    Lines lines = lay_out(rows, "llrrrr");
    if (measured) lines.push_back("*  measured (--links)");
    return lines;
}

}  // namespace

Lines link_section(const Overview& overview, std::size_t columns) {
    if (overview.classes.empty()) return {};
    if (overview.pairs.empty()) return legend(overview, false);
    return beside(matrix(overview), legend(overview, true), columns);
}

}  // namespace ipcrun::show
