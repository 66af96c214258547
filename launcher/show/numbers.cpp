// SPDX-License-Identifier: Apache-2.0
#include "launcher/show/numbers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.hpp"

namespace ipcrun::show {

namespace {

/// Three digits that count, and never an exponent.
std::string three_digits(double value) {
    if (value >= 99.95) return fmt::format("{:.0f}", value);
    if (value >= 9.995) return fmt::format("{:.1f}", value);
    if (value >= 0.0995 || value == 0) return fmt::format("{:.2f}", value);
    return fmt::format("{:.3f}", value);
}

bool is_first_byte(char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0) != 0x80;
}

/// "1.2 us", or "1.2 - 3.4 us" when the two differ as people see them.
std::string format_range(const std::string& low, const std::string& high) {
    if (low == high) return low;
    const auto unit = low.rfind(' ');
    const bool same_unit = unit != std::string::npos && high.ends_with(low.substr(unit));
    return fmt::format("{} - {}", same_unit ? low.substr(0, unit) : low, high);
}

}  // namespace

std::string format_us(double us) {
    if (!std::isfinite(us)) return "-";
    if (us < 999.5) return three_digits(us) + " us";
    if (us < 999.5e3) return three_digits(us / 1e3) + " ms";
    return three_digits(us / 1e6) + " s";
}

std::string format_rate(double gbytes_per_s) {
    if (!std::isfinite(gbytes_per_s) || gbytes_per_s <= 0) return "-";
    if (gbytes_per_s < 0.0995e-3) return three_digits(gbytes_per_s * 1e6) + " KB/s";
    if (gbytes_per_s < 0.0995) return three_digits(gbytes_per_s * 1e3) + " MB/s";
    return three_digits(gbytes_per_s) + " GB/s";
}

std::string format_bytes(double bytes) {
    constexpr std::array<const char*, 6> units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    std::size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < units.size()) {
        bytes /= 1024;
        ++unit;
    }
    if (bytes >= 99.95 || bytes == std::floor(bytes))
        return fmt::format("{:.0f} {}", bytes, units[unit]);
    return fmt::format("{:.1f} {}", bytes, units[unit]);
}

std::string format_count(std::int64_t count) {
    const std::string digits = std::to_string(count);
    std::string text;
    for (std::size_t at = 0; at < digits.size(); ++at) {
        if (at > 0 && (digits.size() - at) % 3 == 0) text += ',';
        text += digits[at];
    }
    return text;
}

std::string format_short_count(std::int64_t count) {
    constexpr std::int64_t thousand = 1000, million = 1000 * thousand, billion = 1000 * million;
    if (count < 10 * million) return format_count(count);
    if (count < 10 * billion) return format_count((count + million / 2) / million) + " million";
    return format_count((count + billion / 2) / billion) + " billion";
}

std::string counted(std::int64_t count, std::string_view one, std::string_view many) {
    std::string text = fmt::format("{} {}", format_count(count), one);
    if (count == 1) return text;
    return many.empty() ? text + "s" : fmt::format("{} {}", format_count(count), many);
}

std::string format_some(const std::vector<int>& numbers, std::size_t columns) {
    std::string text = format_list(numbers);
    if (text.size() <= columns) return text;
    const auto comma = text.rfind(',', columns > 4 ? columns - 4 : 0);
    return text.substr(0, comma == std::string::npos ? text.find(',') : comma) + " ...";
}

std::string format_latency(const ClassOfLinks& row) {
    const auto [low, high] = std::minmax({row.least.latency_us, row.most.latency_us});
    return format_range(format_us(low), format_us(high));
}

std::string format_bandwidth(const ClassOfLinks& row) {
    const auto [low, high] = std::minmax({row.least.gbytes_per_s(), row.most.gbytes_per_s()});
    return format_range(format_rate(low), format_rate(high));
}

std::string printable(std::string_view text) {
    std::string result(text);
    for (char& byte : result)
        if (static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f) byte = '?';
    return result;
}

std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_first_byte));
}

std::string cut(std::string_view text, std::size_t columns) {
    if (width_of(text) <= columns) return std::string(text);
    if (columns < 3) return std::string(columns, '.');
    std::size_t at = 0, width = 0;
    for (; at < text.size(); ++at) {
        if (!is_first_byte(text[at])) continue;
        if (width == columns - 3) break;
        ++width;
    }
    return std::string(text.substr(0, at)) + "...";
}

}  // namespace ipcrun::show
