// SPDX-License-Identifier: Apache-2.0
#include "launcher/show/picture.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "launcher/show/numbers.hpp"
#include "launcher/show/palette.hpp"
#include "launcher/show/picture_parts.hpp"
#include "launcher/show/table.hpp"
#include "launcher/show/text_sections.hpp"

namespace ipcrun::show {

namespace {

constexpr double page_width = 1240;
constexpr double margin = 24;
constexpr double full_width = page_width - 2 * margin;
constexpr double between = 28;
constexpr std::size_t notes_shown = 8;

std::string title_of(const Overview& overview) {
    const auto hosts = std::ranges::count_if(overview.placement.layout_of_host,
                                             [](int layout) { return layout >= 0; });
    std::string text =
        fmt::format("{} on {}", counted(overview.ranks(), "rank"), counted(hosts, "host"));
    if (overview.ranks() < 2) return text;
    const topology::PlannedTree& planned = overview.tree.planned;
    return fmt::format("{}: allreduce of {} along the tree in {}, {}", text,
                       format_bytes(overview.tree.bytes), format_us(planned.time.us),
                       planned.is_optimal
                           ? "proven optimal"
                           : fmt::format("{:.2f} x the lower bound", planned.ratio()));
}

std::string subtitle_of(const Overview& overview) {
    constexpr std::string_view between_words = " \u00b7 ";
    std::string text = fmt::format("{}", fmt::join(overview.argv, " "));
    for (const Setting& setting : overview.settings)
        text += fmt::format("{}--{} {}", text.empty() ? "" : between_words, setting.name,
                            setting.value);
    if (!text.empty()) text += between_words;
    return cut(printable(text + "machine: " + overview.source), 170);
}

double draw_notes(Svg& svg, const Overview& overview, double y) {
    double height = 0;
    for (std::size_t index = 0; index < std::min(overview.notes.size(), notes_shown); ++index) {
        for (const std::string& line : wrap("Note: " + printable(overview.notes[index]), 165)) {
            svg.text(margin, y + height + 11, line, {.font = 12, .fill = "#9a3412"});
            height += 17;
        }
    }
    return height > 0 ? height + 8 : 0;
}

}  // namespace

void draw_heading(Svg& svg, double x, double y, std::string_view words) {
    svg.text(x, y + 13, words, {.font = 15, .bold = true});
}

std::string format_svg(const Overview& overview) {
    Svg svg;
    const std::string title = title_of(overview);
    svg.text(margin, margin + 18, title,
             {.font = std::min(20.0, full_width / text_width(title, 1.1)), .bold = true});
    svg.text(margin, margin + 40, subtitle_of(overview), {.font = 12.5, .fill = pale_ink});
    double y = margin + 58, right = page_width - margin;
    y += draw_notes(svg, overview, y);
    const Extent hosts = draw_hosts(svg, overview, margin, y, full_width);
    y += hosts.h + between;
    right = std::max(right, margin + hosts.w);
    const double full = right - margin;
    if (overview.ranks() > 1) {
        const bool wide = is_wide(overview.tree);
        const Extent tree =
            draw_tree(svg, overview, margin, y, wide ? full : full - legend_width - between);
        double x = right - legend_width, below = y;
        if (wide) {
            x = margin;
            below = y + tree.h + between;
        }
        const Extent legend = draw_legend(svg, overview, x, below);
        if (wide) {
            const Extent times = draw_times(svg, overview, x + legend.w + 60, below);
            y = below + std::max(legend.h, times.h);
        } else {
            const Extent times = draw_times(svg, overview, x, below + legend.h + between);
            y = std::max(y + tree.h, below + legend.h + between + times.h);
        }
    }
    return svg.document(right + margin, y + margin, title);
}

}  // namespace ipcrun::show
