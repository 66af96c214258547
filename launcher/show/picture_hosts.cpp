// SPDX-License-Identifier: Apache-2.0
// The hosts with all that is in them.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "launcher/show/boxes.hpp"
#include "launcher/show/host_kinds.hpp"
#include "launcher/show/numbers.hpp"
#include "launcher/show/palette.hpp"
#include "launcher/show/picture_parts.hpp"

namespace ipcrun::show {

namespace {

constexpr std::size_t hosts_drawn = 8;
constexpr std::array<double, 11> core_sizes = {36, 32, 28, 24, 21, 18, 15, 12, 10, 8, 6};
constexpr double height_max = 640;
/// Ranks of a core that are drawn as stripes; more share one colour.
constexpr std::size_t stripes_max = 4;

ShapeStyle style_of(Box::Kind kind) {
    switch (kind) {
        case Box::Kind::host:
            return {.fill = "#fafbfc", .stroke = "#3e4c59", .width = 1.6, .radius = 8};
        case Box::Kind::package:
            return {.fill = "#eef2f6", .stroke = "#9fb0c0", .width = 1.2, .radius = 6};
        case Box::Kind::numa:
            return {.fill = "#ffffff", .stroke = "#b3c0cc", .width = 1, .radius = 5};
        case Box::Kind::l3:
            return {.fill = "#f3f6f9", .stroke = "#cbd5df", .width = 1, .radius = 4};
        default:
            return {
                .fill = "#fffdf5", .stroke = "#c9a227", .width = 1, .radius = 4, .dashed = true};
    }
}

std::string ranks_text(const std::vector<int>& ranks, std::size_t columns = 9) {
    return format_some(ranks, columns);
}

std::string tip_of(const Box& box) {
    if (box.ranks.empty()) return printable(box.title);
    return fmt::format("{}: {} {}", printable(box.title), box.ranks.size() == 1 ? "rank" : "ranks",
                       ranks_text(box.ranks, 60));
}

void draw_core(Svg& svg, const Box& core, double x, double y) {
    const double radius = core.w >= 12 ? 2.5 : 1;
    const auto& ranks = core.ranks;
    if (ranks.empty() || ranks.size() > stripes_max) {
        const std::string_view fill = ranks.empty() ? "#ffffff" : "#d9e2ec";
        svg.rectangle(x, y, core.w, core.h,
                      {.fill = fill, .stroke = "#b8c4ce", .width = 0.8, .radius = radius},
                      tip_of(core));
        return;
    }
    const double stripe = core.w / static_cast<double>(ranks.size());
    for (std::size_t index = 0; index < ranks.size(); ++index) {
        svg.rectangle(x + static_cast<double>(index) * stripe, y, stripe, core.h,
                      {.fill = fill_of_rank(ranks[index]),
                       .stroke = rim_of_rank(ranks[index]),
                       .width = core.w >= 12 ? 0.9 : 0.5,
                       .radius = ranks.size() == 1 ? radius : 0},
                      tip_of(core));
    }
}

/// Over the longest row of neighbouring cores with the same ranks: their numbers.
void label_run(Svg& svg, const std::vector<Box>& cores, std::size_t begin, std::size_t end,
               double x, double y) {
    std::size_t best = begin, best_end = begin;
    for (std::size_t first = begin; first < end;) {
        std::size_t last = first;
        while (last < end && cores[last].y == cores[first].y) ++last;
        if (last - first > best_end - best) std::tie(best, best_end) = std::pair(first, last);
        first = last;
    }
    const Box& left = cores[best];
    const Box& right = cores[best_end - 1];
    const Box& last = cores[end - 1];
    // A whole rectangle has its numbers in the middle of it.
    const bool is_even = cores[begin].x == left.x && last.x == right.x && begin == best;
    const double middle_y = is_even ? (left.y + last.y + last.h) / 2 : left.y + left.h / 2;
    const double room = right.x + right.w - left.x;
    const std::string words = ranks_text(left.ranks);
    const double fits = (room - 2) / std::max(text_width(words, 1), 0.1);
    const double font = std::clamp(fits, 3.5, std::min(13.0, left.h * 0.62));
    const double middle = x + (left.x + right.x + right.w) / 2;
    if (end - begin > 1 || left.ranks.size() > 1) {
        // Numbers between cores get a ground of their own.
        const double w = text_width(words, font) + 6, h = font * 1.2;
        const std::string ground =
            left.ranks.size() > 1 ? "#f5f7fa" : fill_of_rank(left.ranks.front());
        svg.rectangle(middle - w / 2, y + middle_y - h / 2, w, h, {.fill = ground, .radius = 3});
    }
    svg.text(middle, y + middle_y + font * 0.36, words,
             {.font = font, .anchor = Anchor::middle, .bold = true});
}

void draw_cores(Svg& svg, const std::vector<Box>& cores, double x, double y) {
    for (const Box& core : cores) draw_core(svg, core, x + core.x, y + core.y);
    for (std::size_t begin = 0; begin < cores.size();) {
        std::size_t end = begin;
        while (end < cores.size() && cores[end].ranks == cores[begin].ranks) ++end;
        if (!cores[begin].ranks.empty()) label_run(svg, cores, begin, end, x, y);
        begin = end;
    }
}

void draw_device(Svg& svg, const Box& box, double x, double y, const Scale& scale) {
    const bool is_gpu = box.kind == Box::Kind::gpu;
    ShapeStyle style{.fill = is_gpu ? "#ffffff" : "#e8edf2",
                     .stroke = is_gpu ? "#5b7a01" : "#7b8794",
                     .width = is_gpu ? 1.4 : 1,
                     .radius = is_gpu ? 2.0 : box.h / 2.5};
    const std::string fill = box.ranks.empty() ? "#ffffff" : fill_of_rank(box.ranks.front());
    if (is_gpu) style.fill = fill;
    svg.rectangle(x, y, box.w, box.h, style, tip_of(box));
    const double font = scale.font(), middle = x + box.w / 2;
    double line = y + font + 2;
    svg.text(middle, line, printable(box.title), {.font = font, .anchor = Anchor::middle});
    if (is_gpu && !box.ranks.empty()) {
        line += font * 1.15;
        svg.text(middle, line, format_ranks(box.ranks),
                 {.font = font, .anchor = Anchor::middle, .bold = true});
    }
    if (!scale.has_remarks()) return;
    svg.text(middle, y + box.h - 4, box.remark,
             {.font = font * 0.9, .fill = pale_ink, .anchor = Anchor::middle});
}

void draw_box(Svg& svg, const Box& box, double x, double y, const Scale& scale) {
    const bool is_host = box.kind == Box::Kind::host;
    svg.rectangle(x, y, box.w, box.h, style_of(box.kind), box.tip);
    const double font = scale.font() * (is_host ? 1.3 : 1), left = x + scale.pad();
    double line = y + scale.pad() + scale.font() - 1;
    svg.text(left, line, printable(box.title),
             {.font = font, .fill = is_host ? ink : pale_ink, .bold = is_host});
    line += scale.font() + 3;
    if (is_host) svg.text(left, line, box.remark, {.font = scale.font(), .fill = pale_ink});
    draw_cores(svg, box.cores, x, y);
    for (const auto* group : {&box.inner, &box.switches})
        for (const Box& inner : *group) draw_box(svg, inner, x + inner.x, y + inner.y, scale);
    for (const Box& device : box.devices)
        draw_device(svg, device, x + device.x, y + device.y, scale);
}

/// What stands below the name of a host.
std::string remark_of(const Overview& overview, const topology::Machine& machine, int host) {
    const auto ranks = static_cast<std::int64_t>(overview.placement.ranks_of(host).size());
    std::string text = ranks == 0 ? "no ranks" : counted(ranks, "rank");
    if (!machine.model.empty()) text += ", " + printable(machine.model);
    const std::string links = describe_gpu_links(machine);
    if (!links.empty()) text += "; GPU links: " + links;
    if (machine.cpu_quota > 0) text += fmt::format("; quota of {:g} CPUs", machine.cpu_quota);
    return text;
}

std::vector<Box> boxes_of(const Overview& overview, std::string& left_out) {
    const topology::Cluster& cluster = overview.cluster;
    std::vector<Box> boxes;
    const auto add = [&](int host) -> Box& {
        Box& box = boxes.emplace_back(host_box(overview, host));
        box.remark = remark_of(overview, cluster.machine_of(host), host);
        return box;
    };
    if (cluster.hosts.size() <= hosts_drawn) {
        for (int host = 0; host < static_cast<int>(cluster.hosts.size()); ++host) add(host);
        return boxes;
    }
    const std::vector<HostKind> kinds = host_kinds(cluster, overview.placement);
    for (const HostKind& kind : kinds) {
        if (boxes.size() == hosts_drawn) {
            left_out = fmt::format("... and {} more",
                                   counted(static_cast<std::int64_t>(kinds.size() - boxes.size()),
                                           "kind of hosts", "kinds of hosts"));
            break;
        }
        Box& box = add(kind.hosts.front());
        if (kind.hosts.size() == 1) continue;
        box.title +=
            fmt::format("  x {}", format_count(static_cast<std::int64_t>(kind.hosts.size())));
        box.remark = fmt::format("{}, alike; ranks of the first: {}", names_of(cluster, kind.hosts),
                                 box.remark);
    }
    return boxes;
}

/// Hosts side by side in lines; the sizes of the whole.
Extent arrange(std::vector<Box>& boxes, const Scale& scale, double width) {
    double w = 0, h = 0;
    for (Box& box : boxes) {
        lay_out(box, scale);
        w = std::max(w, box.w);
        h = std::max(h, box.h);
    }
    constexpr double gap = 14;
    const int count = static_cast<int>(boxes.size());
    int columns = std::clamp(static_cast<int>((width + gap) / (w + gap)), 1, count);
    const int rows = (count + columns - 1) / columns;
    columns = (count + rows - 1) / rows;
    for (int index = 0; index < count; ++index) {
        boxes[index].x = (index % columns) * (w + gap);
        boxes[index].y = (index / columns) * (h + gap);
        stretch(boxes[index], w, h);
    }
    return {columns * (w + gap) - gap, rows * (h + gap) - gap};
}

/// The largest cores that fit; among these, packages side by side rather than one below another.
/// Shortens what stands below the names of hosts: a long remark must not decide the size.
Scale fitting_scale(std::vector<Box>& boxes, double width) {
    const double share = width / static_cast<double>(std::min<std::size_t>(boxes.size(), 4));
    Scale best;
    double least = 1e300;
    for (const double core : core_sizes) {
        for (const double aspect : {8.0, 2.4, 1.2}) {
            const Scale scale{.core = core, .host_aspect = aspect};
            std::vector<Box> tried = boxes;
            for (Box& box : tried) box.remark.clear();
            const Extent extent = arrange(tried, scale, width);
            const double excess =
                std::max(extent.w - width, 0.0) + std::max(extent.h - height_max, 0.0);
            if (excess >= least) continue;
            least = excess;
            best = scale;
        }
        if (least == 0) break;
    }
    const auto room = static_cast<std::size_t>(share / (0.63 * best.font())) - 4;
    for (Box& box : boxes) box.remark = cut(box.remark, room);
    return best;
}

}  // namespace

Extent draw_hosts(Svg& svg, const Overview& overview, double x, double y, double width) {
    std::string left_out;
    std::vector<Box> boxes = boxes_of(overview, left_out);
    const Scale scale = fitting_scale(boxes, width);
    const Extent extent = arrange(boxes, scale, width);
    for (const Box& box : boxes) draw_box(svg, box, x + box.x, y + box.y, scale);
    if (left_out.empty()) return extent;
    svg.text(x, y + extent.h + 18, left_out, {.font = 13, .fill = pale_ink});
    return {extent.w, extent.h + 24};
}

}  // namespace ipcrun::show
