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
    if (overview.times.empty() || overview.ranks() < 2) return {};
    std::vector<Row> rows = {{"algorithm"}};
    Row rates = {"bytes by best time"};
    for (const TimesOfSize& size : overview.times) {
        rows[0].push_back(format_bytes(size.bytes) + " ");
        const double us = size.times.empty() ? 0 : size.times.front().us;
        rates.push_back(us > 0 ? format_rate(size.bytes / us * 1e-3) + " " : "-");
    }
    for (int index = 0; index < topology::algorithms; ++index) {
        Row row = {std::string(name_of(static_cast<Algorithm>(index)))};
        for (const TimesOfSize& size : overview.times) {
            const auto* time = find(size, static_cast<Algorithm>(index));
            const bool is_best = time != nullptr && time == &size.times.front();
            row.push_back(time == nullptr ? "- " : format_us(time->us) + (is_best ? "*" : " "));
        }
        const bool is_used = std::ranges::any_of(row.begin() + 1, row.end(),
                                                 [](const auto& cell) { return cell != "- "; });
        if (is_used) rows.push_back(std::move(row));
    }
    rows.push_back(std::move(rates));
    return lay_out(rows, "l" + std::string(overview.times.size(), 'r'));
}

}  // namespace ipcrun::show
