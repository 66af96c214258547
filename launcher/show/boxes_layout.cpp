// SPDX-License-Identifier: Apache-2.0
// How large boxes are and where they stand: each kind in a grid of equal cells.
#include <algorithm>
#include <cmath>

#include "launcher/show/boxes.hpp"
#include "launcher/show/svg.hpp"

namespace ipcrun::show {

namespace {

/// Puts `boxes` into a grid with its top left corner at (x, y), each as large as the largest.
/// Returns the size of the grid.
std::pair<double, double> place_grid(std::vector<Box>& boxes, double x, double y, double gap,
                                     double aspect) {
    if (boxes.empty()) return {0, 0};
    double w = 0, h = 0;
    for (const Box& box : boxes) {
        w = std::max(w, box.w);
        h = std::max(h, box.h);
    }
    const int columns = grid_columns(static_cast<int>(boxes.size()), w + gap, h + gap, aspect);
    const int rows = (static_cast<int>(boxes.size()) + columns - 1) / columns;
    for (int index = 0; index < static_cast<int>(boxes.size()); ++index) {
        Box& box = boxes[index];
        box.x = x + (index % columns) * (w + gap);
        box.y = y + (index / columns) * (h + gap);
        box.w = w;
        box.h = h;
    }
    return {columns * (w + gap) - gap, rows * (h + gap) - gap};
}

double aspect_of(Box::Kind kind) {
    switch (kind) {
        case Box::Kind::host:
            return 2.4;
        case Box::Kind::package:
            return 1.6;
        case Box::Kind::numa:
            return 1.6;
        default:
            return 1.8;
    }
}

void size_leaf(Box& box, const Scale& scale) {
    if (box.kind == Box::Kind::core) {
        box.w = box.h = scale.core;
        return;
    }
    // Two lines, of which the first also names the rank.
    const double title = text_width(box.title, scale.font());
    const double remark = text_width(box.remark, scale.font() * 0.9);
    const double rank = box.ranks.empty() ? 0 : text_width("rank 000", scale.font());
    box.w = std::max({title, remark, rank}) + 10;
    box.h = scale.font() * (box.kind == Box::Kind::gpu ? 4.0 : 2.8) + 4;
}

}  // namespace

int grid_columns(int count, double w, double h, double aspect) {
    int best = 1;
    double best_fault = 1e300;
    for (int columns = 1; columns <= count; ++columns) {
        const int rows = (count + columns - 1) / columns;
        const double empty = static_cast<double>(rows * columns - count) / count;
        const double fault = std::abs(std::log(columns * w / (rows * h) / aspect)) + 2 * empty;
        if (fault >= best_fault - 1e-9) continue;
        best_fault = fault;
        best = columns;
    }
    return best;
}

void lay_out(Box& box, const Scale& scale) {
    const bool is_leaf =
        box.kind == Box::Kind::core || box.kind == Box::Kind::gpu || box.kind == Box::Kind::nic;
    if (is_leaf) return size_leaf(box, scale);
    for (auto* group : {&box.cores, &box.inner, &box.devices})
        for (Box& each : *group) lay_out(each, scale);
    const double pad = scale.pad();
    double width = text_width(box.title, scale.font()), y = scale.font() + 2 * pad - 2;
    if (box.kind == Box::Kind::host) {
        y += scale.font() + 2;
        width = std::max(width * 1.3, text_width(box.remark, scale.font()));
    }
    const auto add = [&](std::vector<Box>& group, double gap, double aspect) {
        const auto [w, h] = place_grid(group, pad, y, gap, aspect);
        if (group.empty()) return;
        width = std::max(width, w);
        y += h + pad;
    };
    add(box.cores, scale.gap(), 2.0);
    add(box.inner, pad, aspect_of(box.kind));
    add(box.devices, scale.gap() + 1, 4.0);
    box.w = width + 2 * pad;
    box.h = y;
}

}  // namespace ipcrun::show
