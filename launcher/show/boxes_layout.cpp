// SPDX-License-Identifier: Apache-2.0
// How large boxes are and where they stand: each kind in a grid of equal cells.
#include <algorithm>
#include <cmath>
#include <utility>

#include "launcher/show/boxes.hpp"
#include "launcher/show/svg.hpp"

namespace ipcrun::show {

namespace {

/// Begins of cells of these sizes, one behind the other, and the end of the last.
std::vector<double> begins_of(const std::vector<double>& sizes, double gap) {
    std::vector<double> begins = {0};
    for (const double size : sizes) begins.push_back(begins.back() + size + gap);
    begins.back() -= gap;
    return begins;
}

/// Puts `boxes` into a grid with its top left corner at (x, y), each as wide as its column and as
/// high as its row. Returns the size of the grid.
std::pair<double, double> place_grid(std::vector<Box>& boxes, double x, double y, double gap,
                                     double aspect) {
    if (boxes.empty()) return {0, 0};
    double w = 0, h = 0;
    for (const Box& box : boxes) {
        w = std::max(w, box.w);
        h = std::max(h, box.h);
    }
    const int count = static_cast<int>(boxes.size());
    const int columns = grid_columns(count, w + gap, h + gap, aspect);
    std::vector<double> widths(columns), heights((count + columns - 1) / columns);
    for (int index = 0; index < count; ++index) {
        double& width = widths[index % columns];
        double& height = heights[index / columns];
        width = std::max(width, boxes[index].w);
        height = std::max(height, boxes[index].h);
    }
    const std::vector<double> xs = begins_of(widths, gap), ys = begins_of(heights, gap);
    for (int index = 0; index < count; ++index) {
        const int column = index % columns, row = index / columns;
        boxes[index].x = x + xs[column];
        boxes[index].y = y + ys[row];
        stretch(boxes[index], widths[column], heights[row]);
    }
    return {xs.back(), ys.back()};
}

double aspect_of(Box::Kind kind, const Scale& scale) {
    switch (kind) {
        case Box::Kind::host:
            return scale.host_aspect;
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
    const double remark = scale.has_remarks() ? text_width(box.remark, scale.font() * 0.9) : 0;
    // Bold letters are wider.
    const double rank = text_width(format_ranks(box.ranks), scale.font() * 1.08);
    box.w = std::max({title, remark, rank}) + 10;
    const double lines = (box.kind == Box::Kind::gpu ? 2.6 : 1.4) + (scale.has_remarks() ? 1.4 : 0);
    box.h = scale.font() * lines + 4;
}

}  // namespace

void stretch(Box& box, double w, double h) {
    for (auto* group : {&box.cores, &box.inner, &box.switches, &box.devices})
        for (Box& each : *group) each.x += (w - box.w) / 2;
    box.w = w;
    box.h = h;
}

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
    for (auto* group : {&box.cores, &box.inner, &box.switches, &box.devices})
        for (Box& each : *group) lay_out(each, scale);
    const double pad = scale.pad();
    double width = text_width(box.title, scale.font()), y = scale.font() + 2 * pad - 2;
    if (box.kind == Box::Kind::host) {
        y += scale.font() + 2;
        width = std::max(width * 1.3, text_width(box.remark, scale.font()));
    }
    std::vector<std::pair<std::vector<Box>*, double>> widths;
    const auto add = [&](std::vector<Box>& group, double gap, double aspect) {
        const auto [w, h] = place_grid(group, pad, y, gap, aspect);
        if (group.empty()) return;
        width = std::max(width, w);
        y += h + pad;
        widths.emplace_back(&group, w);
    };
    add(box.cores, scale.gap(), 2.0);
    add(box.inner, pad, aspect_of(box.kind, scale));
    add(box.switches, pad, 4.0);
    add(box.devices, scale.gap() + 1, 4.0);
    for (const auto& [group, w] : widths)
        for (Box& each : *group) each.x += (width - w) / 2;
    box.w = width + 2 * pad;
    box.h = y;
}

}  // namespace ipcrun::show
