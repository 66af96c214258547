// SPDX-License-Identifier: Apache-2.0
#include "launcher/show/explanation.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "launcher/show/numbers.hpp"
#include "launcher/show/table.hpp"
#include "topology/choice/message_times.hpp"

namespace ipcrun::show {

namespace {

using topology::Algorithm;
using topology::Prediction;

std::string segments_text(const Prediction& prediction, double bytes) {
    if (prediction.segments <= 1) return "one piece";
    return fmt::format("{} pieces of {}", format_count(prediction.segments),
                       format_bytes(bytes / prediction.segments));
}

/// What the algorithm does, with the numbers that make it fast or slow.
std::string way_of(const Overview& overview, const Prediction& prediction, double bytes) {
    const int ranks = overview.ranks();
    switch (prediction.algorithm) {
        case Algorithm::flags:
            return "one exchange, bytes beside the flags";
        case Algorithm::work_sharing:
            return fmt::format("each rank reduces {} from all memories",
                               format_bytes(bytes / std::max(ranks, 1)));
        case Algorithm::tree:
            return "up and down, " + segments_text(prediction, bytes);
        case Algorithm::two_tree:
            return "half on each, " + segments_text(prediction, bytes / 2);
        case Algorithm::ring:
            return fmt::format("{} of {} each", counted(2LL * (ranks - 1), "step"),
                               format_bytes(bytes / std::max(ranks, 1)));
        case Algorithm::recursive_doubling:
            return fmt::format("{} of {} each",
                               counted(topology::recursive_doubling_steps(ranks), "step"),
                               format_bytes(bytes));
    }
    return "";
}

std::string why_not(const Overview& overview, Algorithm algorithm, const TimesOfSize& size) {
    const auto hosts = std::ranges::count_if(overview.placement.layout_of_host,
                                             [](int layout) { return layout >= 0; });
    const bool is_shared = algorithm == Algorithm::flags || algorithm == Algorithm::work_sharing;
    if (is_shared && hosts > 1) return "ranks are on several hosts, which share no memory";
    if (algorithm == Algorithm::flags)
        return fmt::format("{} do not fit beside the flags", format_bytes(size.bytes));
    const bool flags = std::ranges::count(size.times, Algorithm::flags, &Prediction::algorithm) > 0;
    if (is_shared && flags) return fmt::format("{} fit beside the flags", format_bytes(size.bytes));
    return is_shared ? "ranks share no memory" : "it needs more ranks, or more bytes";
}

}  // namespace

std::string format_explanation(const Overview& overview, const TimesOfSize& size, int columns) {
    if (size.times.empty()) return "";
    std::string text =
        fmt::format("An allreduce of {} by {} takes {}: {}.\n\n", format_bytes(size.bytes),
                    counted(overview.ranks(), "rank"), name_of(size.times.front().algorithm),
                    format_us(size.times.front().us));
    std::vector<Row> rows = {{"", "algorithm", "predicted", "", "bandwidth", "how"}};
    for (const Prediction& prediction : size.times) {
        const bool is_best = &prediction == &size.times.front();
        const double factor = prediction.us / size.times.front().us;
        rows.push_back({is_best ? "*" : " ", std::string(name_of(prediction.algorithm)),
                        format_us(prediction.us),
                        is_best ? "" : fmt::format("x {:.{}f}", factor, factor < 10 ? 1 : 0),
                        format_rate(prediction.us > 0 ? size.bytes / prediction.us * 1e-3 : 0),
                        way_of(overview, prediction, size.bytes)});
    }
    for (int index = 0; index < topology::algorithms; ++index) {
        const auto algorithm = static_cast<Algorithm>(index);
        if (std::ranges::count(size.times, algorithm, &Prediction::algorithm) > 0) continue;
        rows.push_back({" ", std::string(name_of(algorithm)), "-", "", "-",
                        "no: " + why_not(overview, algorithm, size)});
    }
    for (const std::string& line : lay_out(rows, "llrrrl"))
        text += cut(line, static_cast<std::size_t>(std::max(columns, 60))) + "\n";
    return text;
}

}  // namespace ipcrun::show
