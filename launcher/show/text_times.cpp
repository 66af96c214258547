// SPDX-License-Identifier: Apache-2.0
// What an allreduce takes, by size and algorithm.
#include <algorithm>

#include "launcher/show/numbers.hpp"
#include "launcher/show/text_sections.hpp"

namespace ipcrun::show {

namespace {

using topology::Algorithm;

const topology::Prediction* find(const TimesOfSize& row, Algorithm algorithm) {
    const auto found = std::ranges::find(row.times, algorithm, &topology::Prediction::algorithm);
    return found == row.times.end() ? nullptr : &*found;
}

}  // namespace

Lines time_section(const Overview& overview) {
    if (overview.times.empty()) return {};
    std::vector<Row> rows = {{"size"}};
    for (int index = 0; index < topology::algorithms; ++index)
        rows[0].push_back(std::string(name_of(static_cast<Algorithm>(index))) + " ");
    rows[0].push_back("best");
    for (const TimesOfSize& size : overview.times) {
        Row& row = rows.emplace_back(Row{format_bytes(size.bytes)});
        for (int index = 0; index < topology::algorithms; ++index) {
            const auto* time = find(size, static_cast<Algorithm>(index));
            const bool is_best = time != nullptr && time == &size.times.front();
            row.push_back(time == nullptr ? "" : format_us(time->us) + (is_best ? "*" : " "));
        }
        const double us = size.times.empty() ? 0 : size.times.front().us;
        row.push_back(us > 0 ? format_rate(size.bytes / us * 1e-3) : "-");
    }
    Lines lines = lay_out(rows, "r" + std::string(topology::algorithms, 'r') + "r");
    lines.push_back("predicted; * is chosen, and \"best\" its bytes by its time");
    return lines;
}

}  // namespace ipcrun::show
