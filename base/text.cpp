// SPDX-License-Identifier: Apache-2.0
#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace ipcrun {

namespace {

// A list names CPUs or nodes: no machine has more, and a typing error must not fill the memory.
constexpr int list_number_max = 1 << 20;

}  // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> pieces;
    for (;;) {
        const auto at = text.find(separator);
        pieces.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return pieces;
        text.remove_prefix(at + 1);
    }
}

std::string excerpt(std::string_view text) {
    constexpr std::size_t columns = 40;
    std::string result(text.substr(0, columns));
    for (char& character : result)
        if (std::isprint(static_cast<unsigned char>(character)) == 0) character = '?';
    if (text.size() > columns) result += "...";
    return result;
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view space = " \t\r\n";
    const auto first = text.find_first_not_of(space);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(space) - first + 1);
}

std::string last_words(std::string_view text, std::size_t bytes_max) {
    std::string result;
    for (const std::string_view line : split(text, '\n')) {
        if (trim(line).empty()) continue;
        if (!result.empty()) result += "; ";
        for (const char character : trim(line)) {
            const auto byte = static_cast<unsigned char>(character);
            const auto before = static_cast<unsigned char>(result.empty() ? ' ' : result.back());
            // From 0x80 on: controls too, alone or in UTF-8, where they come after 0xc2.
            const bool is_high_control =
                byte >= 0x80 && byte < 0xa0 && (before < 0x80 || before == 0xc2);
            const bool is_control = byte < 0x20 || byte == 0x7f || is_high_control;
            result += is_control ? '?' : character;
        }
    }
    if (result.size() <= bytes_max) return result;
    std::size_t begin = result.size() - bytes_max;
    while (begin < result.size() && (static_cast<unsigned char>(result[begin]) & 0xc0) == 0x80)
        ++begin;  // not from within a character
    return fmt::format("...{}", std::string_view(result).substr(begin));
}

std::optional<std::vector<int>> parse_list(std::string_view text) {
    std::vector<int> numbers;
    if (text.empty()) return numbers;
    for (const std::string_view piece : split(text, ',')) {
        const auto dash = piece.find('-');
        const auto first = parse_number<int>(piece.substr(0, dash));
        const auto last =
            dash == std::string_view::npos ? first : parse_number<int>(piece.substr(dash + 1));
        if (!first || !last || *first < 0 || *last < *first || *last > list_number_max)
            return std::nullopt;
        for (int number = *first; number <= *last; ++number) numbers.push_back(number);
    }
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    return numbers;
}

std::string format_list(const std::vector<int>& numbers) {
    std::string text;
    for (std::size_t i = 0; i < numbers.size();) {
        std::size_t end = i + 1;
        while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
        if (!text.empty()) text += ',';
        text += end - i == 1 ? fmt::format("{}", numbers[i])
                             : fmt::format("{}-{}", numbers[i], numbers[end - 1]);
        i = end;
    }
    return text;
}

}  // namespace ipcrun
