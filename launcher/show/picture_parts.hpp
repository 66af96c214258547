// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The parts of the picture. Each draws at (x, y) and returns how much room it took.

#include "launcher/show/overview.hpp"
#include "launcher/show/svg.hpp"

namespace ipcrun::show {

struct Extent {
    double w = 0, h = 0;
};

Extent draw_hosts(Svg& svg, const Overview& overview, double x, double y, double width);

/// Does the tree need more than half of a page?
bool is_wide(const ShownTree& tree);
Extent draw_tree(Svg& svg, const Overview& overview, double x, double y, double width);

constexpr double legend_width = 440;
/// What links cost, and what colours mean.
Extent draw_legend(Svg& svg, const Overview& overview, double x, double y);
Extent draw_times(Svg& svg, const Overview& overview, double x, double y);

/// The heading of a part.
void draw_heading(Svg& svg, double x, double y, std::string_view words);

}  // namespace ipcrun::show
