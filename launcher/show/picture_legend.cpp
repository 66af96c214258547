// SPDX-License-Identifier: Apache-2.0
// What links and allreduces cost, as tables.
#include <fmt/format.h>

#include <array>

#include "launcher/show/numbers.hpp"
#include "launcher/show/palette.hpp"
#include "launcher/show/picture_parts.hpp"

namespace ipcrun::show {

namespace {

constexpr double row_height = 20;
constexpr double first_row = 40;

struct Column {
    double x;
    Anchor anchor;
    std::string_view heading;
};

void draw_row(Svg& svg, double x, double y, std::span<const Column> columns,
              const std::vector<std::string>& cells) {
    for (std::size_t index = 0; index < columns.size(); ++index)
        svg.text(x + columns[index].x, y, cells[index],
                 {.font = 12, .anchor = columns[index].anchor});
}

void draw_headings(Svg& svg, double x, double y, std::span<const Column> columns, double width) {
    for (const Column& column : columns)
        svg.text(x + column.x, y, column.heading,
                 {.font = 11, .fill = pale_ink, .anchor = column.anchor});
    svg.line(x, y + 5, x + width, y + 5, {.stroke = "#cbd5df"});
}

}  // namespace

Extent draw_legend(Svg& svg, const Overview& overview, double x, double y) {
    constexpr double width = legend_width;
    constexpr std::array<Column, 5> columns = {{{34, Anchor::start, "class"},
                                                {205, Anchor::end, "latency"},
                                                {288, Anchor::end, "bandwidth"},
                                                {440, Anchor::end, "pairs"},
                                                {352, Anchor::end, "in tree"}}};
    draw_heading(svg, x, y, "Links between ranks");
    draw_headings(svg, x, y + 34, columns, width);
    double line = y + first_row;
    for (const ClassOfLinks& row : overview.classes) {
        line += row_height;
        svg.line(x, line - 6, x + 26, line - 6, {.stroke = colour_of(row.link_class), .width = 5});
        std::int64_t edges = 0;
        for (const TreeLevel& level : overview.tree.levels)
            edges += level.edges[static_cast<std::size_t>(row.link_class)];
        draw_row(svg, x, line - 2, columns,
                 {fmt::format("{}{}", name_of(row.link_class), row.measured ? " *" : ""),
                  format_latency(row), format_bandwidth(row), format_short_count(row.pairs),
                  format_short_count(edges)});
    }
    return {width, line - y + 6};
}

Extent draw_times(Svg& svg, const Overview& overview, double x, double y) {
    if (overview.times.empty()) return {};
    constexpr double width = legend_width;
    constexpr std::array<Column, 4> columns = {{{60, Anchor::end, "size"},
                                                {84, Anchor::start, "fastest"},
                                                {305, Anchor::end, "predicted"},
                                                {440, Anchor::end, "bytes / time"}}};
    draw_heading(svg, x, y, "Allreduce");
    draw_headings(svg, x, y + 34, columns, width);
    double line = y + first_row;
    for (const TimesOfSize& size : overview.times) {
        if (size.times.empty()) continue;
        line += row_height;
        const topology::Prediction& best = size.times.front();
        draw_row(svg, x, line - 2, columns,
                 {format_bytes(size.bytes), std::string(name_of(best.algorithm)),
                  format_us(best.us), format_rate(best.us > 0 ? size.bytes / best.us * 1e-3 : 0)});
    }
    return {width, line - y + 6};
}

}  // namespace ipcrun::show
