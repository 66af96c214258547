// SPDX-License-Identifier: Apache-2.0
// The tree and how good it is.
#include <fmt/format.h>

#include "launcher/show/numbers.hpp"
#include "launcher/show/text_sections.hpp"

namespace ipcrun::show {

namespace {

using topology::Tree;

/// Up to so many ranks the tree is drawn.
constexpr int drawn_ranks = 32;
constexpr std::size_t levels_shown = 12;
/// Ranks of a chain that are drawn on one line.
constexpr int chain_ranks = 10;

/// Draws a tree with branches; ranks that hang on each other one by one share a line.
class Drawing {
  public:
    explicit Drawing(const ShownTree& shown) : shown_(shown), tree_(shown.planned.tree) {}

    Lines draw() {
        add(tree_.root, "", "");
        return std::move(lines_);
    }

  private:
    bool continues(int rank) const {
        const auto children = tree_.children_of(rank);
        return children.size() == 1 &&
               (rank == tree_.root || link_text(children[0]) == link_text(rank));
    }

    std::string link_text(int rank) const {
        std::string text(name_of(shown_.class_to_parent[rank]));
        const topology::LinkCost& cost = shown_.cost_to_parent[rank];
        return fmt::format("{}, {}", text, format_us(cost.latency_us));
    }

    /// `head` stands before the rank, `below` before its children.
    void add(int rank, const std::string& head, const std::string& below) {
        std::string line = fmt::format("{}{}", head, rank);
        int last = rank;
        for (int count = 1; count < chain_ranks && continues(last); ++count) {
            last = tree_.children_of(last)[0];
            line += fmt::format(" - {}", last);
        }
        if (last != tree_.root) line += fmt::format("  ({})", link_text(last));
        lines_.push_back(line);
        const auto children = tree_.children_of(last);
        for (std::size_t index = 0; index < children.size(); ++index) {
            const bool is_last = index + 1 == children.size();
            add(children[index], below + (is_last ? "`- " : "|- "),
                below + (is_last ? "   " : "|  "));
        }
    }

    const ShownTree& shown_;
    const Tree& tree_;
    Lines lines_;
};

std::string classes_of(const TreeLevel& level) {
    std::string text;
    for (int index = 0; index < topology::link_classes; ++index) {
        if (level.edges[index] == 0) continue;
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", format_count(level.edges[index]),
                            name_of(static_cast<topology::LinkClass>(index)));
    }
    return text;
}

Lines levels(const ShownTree& shown) {
    std::vector<Row> rows = {{"level", "ranks", "links upwards"}};
    for (std::size_t level = 0; level < shown.levels.size() && level < levels_shown; ++level) {
        rows.push_back({std::to_string(level), format_count(shown.levels[level].ranks),
                        classes_of(shown.levels[level])});
    }
    Lines lines = lay_out(rows, "rrl");
    if (shown.levels.size() <= levels_shown) return lines;
    std::int64_t ranks = 0;
    TreeLevel rest;
    for (std::size_t level = levels_shown; level < shown.levels.size(); ++level) {
        ranks += shown.levels[level].ranks;
        for (int index = 0; index < topology::link_classes; ++index)
            rest.edges[index] += shown.levels[level].edges[index];
    }
    lines.push_back(
        fmt::format("... and {} more with {}: {}",
                    counted(static_cast<std::int64_t>(shown.levels.size() - levels_shown), "level"),
                    counted(ranks, "rank"), classes_of(rest)));
    return lines;
}

std::string quality(const ShownTree& shown) {
    const topology::PlannedTree& planned = shown.planned;
    std::string text =
        fmt::format("allreduce of {} in {}", format_bytes(shown.bytes), format_us(planned.time.us));
    if (planned.time.segments > 1)
        text += fmt::format(" in {} segments", format_count(planned.time.segments));
    return text + "; " + format_ratio(planned);
}

std::string shape(const ShownTree& shown) {
    return fmt::format("found by {}; root {}, depth {}, at most {}{}", shown.planned.method,
                       format_count(shown.planned.tree.root), format_count(shown.depth()),
                       counted(shown.degree, "child", "children"),
                       shown.degree_max > 0 ? fmt::format(" of {} allowed", shown.degree_max) : "");
}

}  // namespace

std::string format_ratio(const topology::PlannedTree& planned) {
    if (planned.is_optimal) return "proven optimal";
    return fmt::format("at most {:.2f} times the best possible (bound {})", planned.ratio(),
                       format_us(planned.bound_us));
}

Lines tree_section(const Overview& overview, std::size_t columns) {
    const ShownTree& shown = overview.tree;
    if (overview.ranks() < 2) return {};
    Lines lines;
    for (const std::string& text : {quality(shown), shape(shown)})
        for (const std::string& line : wrap(text, columns)) lines.push_back(line);
    const bool is_drawn = overview.ranks() <= drawn_ranks;
    for (const std::string& line : is_drawn ? Drawing(shown).draw() : levels(shown))
        lines.push_back(line);
    return lines;
}

}  // namespace ipcrun::show
