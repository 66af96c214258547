// SPDX-License-Identifier: Apache-2.0
#include "launcher/hosts/slurm_hosts.hpp"

#include <algorithm>
#include <cctype>
#include <unordered_set>

#include "base/text.hpp"
#include "launcher/hosts/host_words.hpp"

namespace ipcrun {

namespace {

bool is_digit(char character) {
    return character >= '0' && character <= '9';
}

// Names of nodes are less than what ssh takes: no users, no addresses of IPv6.
bool is_of_node_names(char character) {
    return std::isalnum(static_cast<unsigned char>(character)) != 0 || character == '-' ||
           character == '_' || character == '.';
}

/// "node01" as what is before its number, and the number.
struct Parts {
    std::string_view stem;
    std::string_view digits;  // empty: the name has no number that could be counted on
};

Parts take_apart(std::string_view name) {
    std::size_t begin = name.size();
    while (begin > 0 && is_digit(name[begin - 1])) --begin;
    const bool has_number = name.size() - begin <= range_digits_max;
    return {name.substr(0, has_number ? begin : name.size()), has_number ? name.substr(begin) : ""};
}

// Whether a range may go on from `digits` to `next`: by one, and in the same width unless neither
// has zeros before it.
bool is_next(std::string_view digits, std::string_view next) {
    const auto number = parse_number<std::int64_t>(digits);
    const auto following = parse_number<std::int64_t>(next);
    if (!number || !following || *following != *number + 1) return false;
    return digits.size() == next.size() || (digits[0] != '0' && next[0] != '0');
}

// "01-04,09", of names that have one stem.
std::string format_ranges(const std::vector<std::string_view>& numbers) {
    std::string text;
    for (std::size_t i = 0; i < numbers.size();) {
        std::size_t end = i + 1;
        while (end < numbers.size() && is_next(numbers[end - 1], numbers[end])) ++end;
        if (!text.empty()) text += ',';
        text += numbers[i];
        if (end - i > 1) text += fmt::format("-{}", numbers[end - 1]);
        i = end;
    }
    return text;
}

// Names of nodes may be mere numbers, of which a word of ours that begins with a bracket is none.
HostWord parse_word(std::string_view piece, const std::string& where) {
    if (!piece.starts_with('[')) return parse_host_word(piece, where);
    HostWord word = parse_host_word(fmt::format("n{}", piece), where);
    for (std::string& name : word.names) name.erase(0, 1);
    return word;
}

}  // namespace

std::vector<std::string> parse_slurm_hosts(std::string_view what, std::string_view text) {
    const std::string where(what);
    if (text.empty()) refuse(where, "no node is named");
    std::vector<std::string> names;
    std::unordered_set<std::string> known;
    for (const std::string_view piece : split_list(text)) {
        HostWord word = parse_word(piece, where);
        if (word.slots > 0) refuse(where, "'{}': a node has no ':' in its name", excerpt(piece));
        if (word.names.size() > hosts_max - names.size())
            refuse(where, "more than {} nodes are named", hosts_max);
        for (std::string& name : word.names) {
            if (!std::all_of(name.begin(), name.end(), is_of_node_names))
                refuse(where, "'{}' is no name of a node", excerpt(name));
            if (!known.insert(name).second)
                refuse(where, "the node '{}' is named twice", excerpt(name));
            names.push_back(std::move(name));
        }
    }
    return names;
}

std::string format_slurm_hosts(const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < names.size();) {
        const Parts first = take_apart(names[i]);
        std::vector<std::string_view> numbers = {first.digits};
        for (++i; i < names.size() && !first.digits.empty(); ++i) {
            const Parts next = take_apart(names[i]);
            if (next.stem != first.stem || next.digits.empty()) break;
            numbers.push_back(next.digits);
        }
        if (!text.empty()) text += ',';
        text += first.stem;
        text += numbers.size() == 1 ? std::string(first.digits)
                                    : fmt::format("[{}]", format_ranges(numbers));
    }
    return text;
}

}  // namespace ipcrun
