// SPDX-License-Identifier: Apache-2.0
#include "base/repeats.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"

namespace ipcrun {

namespace {

std::optional<int> parse_positive(std::string_view text) {
    const auto number = parse_number<int>(text);
    if (!number || *number < 1) return std::nullopt;
    return number;
}

// What stands behind a count: nothing, or "(x3)".
std::optional<int> parse_repeat(std::string_view text) {
    if (text.empty()) return 1;
    if (!text.starts_with("(x") || !text.ends_with(')')) return std::nullopt;
    return parse_positive(text.substr(2, text.size() - 3));
}

}  // namespace

std::optional<std::vector<int>> parse_repeats(std::string_view text) {
    std::vector<int> counts;
    for (const std::string_view piece : split(text, ',')) {
        const auto count_end = std::min(piece.find('('), piece.size());
        const auto count = parse_positive(piece.substr(0, count_end));
        const auto repeat = parse_repeat(piece.substr(count_end));
        if (!count || !repeat || *repeat > repeats_max - static_cast<int>(counts.size()))
            return std::nullopt;
        counts.insert(counts.end(), static_cast<std::size_t>(*repeat), *count);
    }
    return counts;
}

std::string format_repeats(const std::vector<int>& counts) {
    std::string text;
    for (auto begin = counts.begin(); begin != counts.end();) {
        const auto end =
            std::find_if(begin, counts.end(), [&](int count) { return count != *begin; });
        if (!text.empty()) text += ',';
        text += fmt::format("{}", *begin);
        if (end - begin > 1) text += fmt::format("(x{})", end - begin);
        begin = end;
    }
    return text;
}

}  // namespace ipcrun
