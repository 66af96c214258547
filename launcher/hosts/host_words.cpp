// SPDX-License-Identifier: Apache-2.0
#include "launcher/hosts/host_words.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>

#include "base/text.hpp"

namespace ipcrun {

namespace {

bool is_digit(char character) {
    return character >= '0' && character <= '9';
}

// What names of hosts and users are made of. Not more: ssh gives them to programs and patterns of
// its configuration, and a name that begins with a dash would be an option of it.
bool is_of_names(char character) {
    return is_digit(character) || (character >= 'a' && character <= 'z') ||
           (character >= 'A' && character <= 'Z') ||
           std::string_view("._-+@%").find(character) != std::string_view::npos;
}

std::string_view host_part(std::string_view name) {
    return name.substr(name.rfind('@') + 1);  // npos + 1 is 0
}

void check_name(std::string_view name, std::string_view word, const std::string& where) {
    if (name.size() > name_max)
        refuse(where, "the name '{}' is longer than {} bytes", excerpt(name), name_max);
    const std::string_view host = host_part(name);
    if (host.empty()) refuse(where, "'{}' names no host", excerpt(word));
    if (host.size() < name.size() && name[0] == '@')
        refuse(where, "'{}' has no user before the '@'", excerpt(word));
    for (const std::string_view part : {name, host})
        if (part[0] == '-')
            refuse(where, "'{}': no name of a host or user begins with '-'", excerpt(word));
    const auto wrong = std::find_if_not(name.begin(), name.end(), is_of_names);
    if (wrong != name.end())
        refuse(where, "'{}': '{}' is in no name of a host; it reads a:4,b:4 or node[01-04]",
               excerpt(word), excerpt({&*wrong, 1}));
}

/// "01-04": as texts, each as wide as the first.
struct Range {
    std::int64_t first = 0, last = 0;
    std::size_t width = 0;  // 0: as wide as it comes
};

Range parse_range(std::string_view text, std::string_view word, const std::string& where) {
    const auto dash = text.find('-');
    const std::string_view first = text.substr(0, dash);
    const std::string_view last = dash == text.npos ? first : text.substr(dash + 1);
    for (const std::string_view number : {first, last})
        if (number.empty() || number.size() > range_digits_max ||
            !std::all_of(number.begin(), number.end(), is_digit))
            refuse(where, "'{}' in '{}' is no range of numbers, as 01-04 or 7", excerpt(text),
                   excerpt(word));
    const auto is_padded = [](std::string_view number) {
        return number.size() > 1 && number[0] == '0';
    };
    Range range{*parse_number<std::int64_t>(first), *parse_number<std::int64_t>(last), 0};
    if (is_padded(first) || is_padded(last)) range.width = first.size();
    // "1-04" and "001-04" do not say how many zeros.
    if (is_padded(last) && first.size() != last.size())
        refuse(where, "'{}' in '{}': the two numbers have different widths", excerpt(text),
               excerpt(word));
    if (range.last < range.first)
        refuse(where, "'{}' in '{}' runs backwards", excerpt(text), excerpt(word));
    return range;
}

// Each of `names` with each number of "01-04,09" behind it.
std::vector<std::string> with_ranges(const std::vector<std::string>& names, std::string_view ranges,
                                     std::string_view word, const std::string& where) {
    std::vector<Range> parsed;
    std::int64_t count = 0;
    for (const std::string_view text : split(ranges, ',')) {
        parsed.push_back(parse_range(trim(text), word, where));
        count += parsed.back().last - parsed.back().first + 1;
        if (count > hosts_max / static_cast<std::int64_t>(names.size()))
            refuse(where, "'{}' stands for more than {} hosts", excerpt(word), hosts_max);
    }
    std::vector<std::string> result;
    result.reserve(names.size() * static_cast<std::size_t>(count));
    for (const std::string& name : names)
        for (const Range& range : parsed)
            for (std::int64_t number = range.first; number <= range.last; ++number)
                result.push_back(fmt::format("{}{:0{}}", name, number, range.width));
    return result;
}

std::vector<std::string> expand(std::string_view name, std::string_view word,
                                const std::string& where) {
    std::vector<std::string> names = {""};
    while (!name.empty()) {
        const auto open = name.find('[');
        const std::string_view literal = name.substr(0, open);
        if (literal.find(']') != literal.npos)
            refuse(where, "'{}' has a ']' and no '[' before it", excerpt(word));
        if (names[0].size() + literal.size() > name_max)
            refuse(where, "the name '{}' is longer than {} bytes", excerpt(word), name_max);
        for (std::string& begun : names) begun += literal;
        if (open == name.npos) break;
        const auto close = name.find(']', open);
        if (close == name.npos) refuse(where, "'{}' has a '[' and no ']' behind it", excerpt(word));
        names = with_ranges(names, name.substr(open + 1, close - open - 1), word, where);
        name.remove_prefix(close + 1);
    }
    return names;
}

// "fe80::1%eth0", of what stands in brackets.
bool is_address(std::string_view text) {
    in6_addr bytes;
    const std::string number(text.substr(0, text.find('%')));
    return ::inet_pton(AF_INET6, number.c_str(), &bytes) == 1;
}

}  // namespace

std::vector<std::string_view> split_list(std::string_view text) {
    std::vector<std::string_view> pieces;
    std::size_t begin = 0;
    bool is_inside = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '[' || text[i] == ']') is_inside = text[i] == '[';
        if (text[i] != ',' || is_inside) continue;
        pieces.push_back(text.substr(begin, i - begin));
        begin = i + 1;
    }
    pieces.push_back(text.substr(begin));
    return pieces;
}

int parse_slots(std::string_view text, const std::string& where) {
    const auto slots = parse_number<int>(text);
    if (!slots || *slots < 1 || *slots > slots_max)
        refuse(where, "'{}' is no number of slots, 1 to {}", excerpt(text), slots_max);
    return *slots;
}

HostWord parse_host_word(std::string_view word, const std::string& where) {
    if (word.empty()) refuse(where, "there is a comma with no host at one side of it");
    HostWord result;
    // Of an address the brackets begin the name, be there a user or not; those of a range do not.
    const auto at = word.find('[') == 0 ? 0 : word.find("@[") + 1;
    std::string_view rest = word;
    if (word[at] == '[') {
        const auto close = word.find(']');
        if (close == word.npos) refuse(where, "'{}' has a '[' and no ']' behind it", excerpt(word));
        const std::string_view address = word.substr(at + 1, close - at - 1);
        if (!is_address(address))
            refuse(where,
                   "'{}' is no address of IPv6, as a name that begins with a bracket is "
                   "([fe80::1]:4; a range has a name before it: node[01-04])",
                   excerpt(word));
        const std::string user(word.substr(0, at));
        check_name(user + "h", word, where);
        check_name(fmt::format("h{}", address.substr(std::min(address.find('%'), address.size()))),
                   word, where);
        result.names.push_back(user + std::string(address));
        rest.remove_prefix(close + 1);
        if (!rest.empty() && rest[0] != ':')
            refuse(where, "'{}': behind an address stands ':' and a number of slots",
                   excerpt(word));
    } else {
        const std::string_view name = word.substr(0, word.find(':'));
        if (std::count(word.begin(), word.end(), ':') > 1)
            refuse(where, "'{}' has several ':' (an address of IPv6 stands in brackets: [fe80::1])",
                   excerpt(word));
        result.names = expand(name, word, where);
        for (const std::string& expanded : result.names) check_name(expanded, word, where);
        rest.remove_prefix(name.size());
    }
    if (!rest.empty()) result.slots = parse_slots(rest.substr(1), where);
    return result;
}

}  // namespace ipcrun
