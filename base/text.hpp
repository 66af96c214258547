// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Strict parsing and small formatting: the whole text must fit the form, or there is no value.

#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace ipcrun {

/// A number in decimal, with nothing before or behind it and within the range of T; no "+", no
/// white space, no "nan" or "inf".
template <typename T>
std::optional<T> parse_number(std::string_view text) {
    T value{};
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end || text.empty()) return std::nullopt;
    if constexpr (std::is_floating_point_v<T>) {
        if (!std::isfinite(value)) return std::nullopt;
    }
    return value;
}

/// Pieces of `text` between `separator`; an empty text has one empty piece.
std::vector<std::string_view> split(std::string_view text, char separator);

/// `text` without spaces, tabs and newlines at either end.
std::string_view trim(std::string_view text);

/// The beginning of `text` for a message: of one line, and of what can be printed.
std::string excerpt(std::string_view text);

/// The last `bytes_max` of what another program has printed, fit for a message: of one line, and
/// without what would move a terminal's cursor.
std::string last_words(std::string_view text, std::size_t bytes_max);

/// Numbers as "0-3,8": ascending, each once. The kernel's form for CPU and node lists.
std::optional<std::vector<int>> parse_list(std::string_view text);
std::string format_list(const std::vector<int>& numbers);

}  // namespace ipcrun
