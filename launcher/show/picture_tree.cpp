// SPDX-License-Identifier: Apache-2.0
// The tree: each rank below its parent, or the sizes of its levels.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "launcher/show/numbers.hpp"
#include "launcher/show/palette.hpp"
#include "launcher/show/picture_parts.hpp"

namespace ipcrun::show {

namespace {

constexpr int wide_leaves = 20;
constexpr int depth_drawn = 40;
constexpr std::size_t levels_drawn = 32;
constexpr double heading = 46;
/// Up to so many ranks every edge tells its latency.
constexpr int labelled_ranks = 16;
constexpr double labelled_level = 40;

bool is_drawn(const ShownTree& shown) {
    return shown.planned.tree.size() <= tree_links_ranks_max && shown.depth() <= depth_drawn;
}

double level_height(const ShownTree& shown) {
    return std::clamp(440.0 / std::max(shown.depth(), 1), 22.0, 74.0);
}

int leaves_of(const topology::Tree& tree) {
    int leaves = 0;
    for (int rank = 0; rank < tree.size(); ++rank) leaves += tree.children_of(rank).empty();
    return std::max(leaves, 1);
}

/// Latency without its unit, where that is the usual one.
std::string edge_label(const topology::LinkCost& cost) {
    std::string text = format_us(cost.latency_us);
    if (text.ends_with(" us")) text.resize(text.size() - 3);
    return text;
}

struct Node {
    double x = 0;  // in leaves from the left
    int level = 0;
};

/// Every leaf gets a column of its own, every other rank the middle of its children.
class Columns {
  public:
    explicit Columns(const topology::Tree& tree) : tree_(tree), nodes_(tree.parent.size()) {
        place(tree.root, 0);
    }
    const Node& of(int rank) const { return nodes_[rank]; }

  private:
    // As deep as a tree that is drawn, at most depth_drawn.
    void place(int rank, int level) {
        nodes_[rank].level = level;
        const auto children = tree_.children_of(rank);
        for (const int child : children) place(child, level + 1);
        nodes_[rank].x = children.empty()
                             ? static_cast<double>(next_++)
                             : (nodes_[children.front()].x + nodes_[children.back()].x) / 2;
    }

    const topology::Tree& tree_;
    std::vector<Node> nodes_;
    int next_ = 0;
};

std::string tip_of(const Overview& overview, int rank) {
    const topology::Seat& seat = overview.placement.seat(rank);
    return fmt::format("rank {} on {}", rank, printable(overview.cluster.hosts[seat.host].name));
}

Extent draw_nodes(Svg& svg, const Overview& overview, double x, double y, double width) {
    const ShownTree& shown = overview.tree;
    const topology::Tree& tree = shown.planned.tree;
    const Columns columns(tree);
    const int leaves = leaves_of(tree);
    const double column = std::min(86.0, width / leaves);
    const double level = level_height(shown);
    const double radius = std::clamp(std::min(column * 0.42, level * 0.34), 6.0, 16.0);
    const double left = x + std::max(0.0, (width - leaves * column) / 2);
    const auto at_x = [&](int rank) { return left + (columns.of(rank).x + 0.5) * column; };
    const auto at_y = [&](int rank) { return y + radius + 2 + columns.of(rank).level * level; };
    for (int rank = 0; rank < tree.size(); ++rank) {
        if (rank == tree.root) continue;
        const int parent = tree.parent[rank];
        const auto link_class = shown.class_to_parent[rank];
        const topology::LinkCost& cost = shown.cost_to_parent[rank];
        svg.branch(at_x(parent), at_y(parent), at_x(rank), at_y(rank),
                   {.stroke = colour_of(link_class), .width = radius > 10 ? 3.2 : 2.2},
                   fmt::format("{} - {}: {}, {}, {}", parent, rank, name_of(link_class),
                               format_us(cost.latency_us), format_rate(cost.gbytes_per_s())));
    }
    for (int rank = 0; rank < tree.size(); ++rank) {
        const double cx = at_x(rank), cy = at_y(rank);
        svg.circle(cx, cy, radius,
                   {.fill = fill_of_rank(rank), .stroke = rim_of_rank(rank), .width = 1.6},
                   tip_of(overview, rank));
        const std::string name = std::to_string(rank);
        const double font = std::min(radius * 0.95, 1.75 * radius / text_width(name, 1));
        svg.text(cx, cy + font * 0.36, name,
                 {.font = font, .anchor = Anchor::middle, .bold = true});
        if (rank == tree.root || tree.size() > labelled_ranks || level < labelled_level) continue;
        // Beside the end of its edge, on the side that turns away from the parent.
        const bool is_left = at_x(tree.parent[rank]) > cx + 1;
        svg.text(cx + (is_left ? -6 : 6), cy - radius - 5, edge_label(shown.cost_to_parent[rank]),
                 {.font = 10.5, .anchor = is_left ? Anchor::end : Anchor::start});
    }
    return {width, shown.depth() * level + 2 * radius + 6};
}

Extent draw_levels(Svg& svg, const Overview& overview, double x, double y, double width) {
    const ShownTree& shown = overview.tree;
    std::int64_t most = 1;
    for (const TreeLevel& level : shown.levels) most = std::max(most, level.ranks);
    const std::size_t count = std::min(shown.levels.size(), levels_drawn);
    constexpr double row = 24, names = 170;
    const double whole = std::log2(1.0 + static_cast<double>(most)), room = width - names;
    for (std::size_t index = 0; index < count; ++index) {
        const TreeLevel& level = shown.levels[index];
        const double top = y + static_cast<double>(index) * row;
        svg.text(x, top + 14, fmt::format("level {}: {}", index, counted(level.ranks, "rank")),
                 {.font = 12});
        const double bar = room * std::log2(1.0 + static_cast<double>(level.ranks)) / whole;
        double left = x + names + (room - bar) / 2;
        if (index == 0) svg.rectangle(left, top, bar, row - 5, {.fill = "#52606d", .radius = 2});
        for (int link = 0; link < topology::link_classes; ++link) {
            if (level.edges[link] == 0) continue;
            const auto link_class = static_cast<topology::LinkClass>(link);
            const double part =
                bar * static_cast<double>(level.edges[link]) / static_cast<double>(level.ranks);
            const std::string words =
                fmt::format("{} {}", format_count(level.edges[link]), name_of(link_class));
            svg.rectangle(left, top, part, row - 5, {.fill = colour_of(link_class), .radius = 2},
                          words);
            if (text_width(words, 11) + 6 < part)
                svg.text(left + part / 2, top + 13.5, words,
                         {.font = 11, .fill = "#ffffff", .anchor = Anchor::middle, .bold = true});
            left += part;
        }
    }
    double height = static_cast<double>(count) * row;
    if (count < shown.levels.size()) {
        svg.text(
            x, y + height + 12,
            fmt::format("... and {} more",
                        counted(static_cast<std::int64_t>(shown.levels.size() - count), "level")),
            {.font = 12, .fill = pale_ink});
        height += 20;
    }
    svg.text(x, y + height + 16,
             "Bars are as long as the logarithm of the ranks; colours are those of "
             "the links upwards.",
             {.font = 12, .fill = pale_ink});
    return {width, height + 24};
}

}  // namespace

bool is_wide(const ShownTree& tree) {
    return is_drawn(tree) && leaves_of(tree.planned.tree) > wide_leaves;
}

Extent draw_tree(Svg& svg, const Overview& overview, double x, double y, double width) {
    const ShownTree& shown = overview.tree;
    draw_heading(svg, x, y, "Tree");
    std::string words =
        fmt::format("found by {}; depth {}, at most {}", shown.planned.method,
                    format_count(shown.depth()), counted(shown.degree, "child", "children"));
    if (is_drawn(shown)) words += "; values are taken from left to right";
    if (is_drawn(shown) && shown.planned.tree.size() <= labelled_ranks &&
        level_height(shown) >= labelled_level)
        words += "; numbers are latencies in us";
    svg.text(x, y + 31, words, {.font = 12, .fill = pale_ink});
    const Extent drawn = is_drawn(shown) ? draw_nodes(svg, overview, x, y + heading, width)
                                         : draw_levels(svg, overview, x, y + heading, width);
    return {drawn.w, drawn.h + heading};
}

}  // namespace ipcrun::show
