// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <map>
#include <utility>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "topology/link/links.hpp"

namespace ipcrun::topology {

namespace {

constexpr std::string_view header = "rank_a,rank_b,latency_us,gbytes_per_s";

struct Line {
    int number = 0;  ///< in the file, from 1
    std::string_view text;
};
using Part = std::vector<Line>;

template <typename... Args>
[[noreturn]] void fail_at(std::string_view name, int line, fmt::format_string<Args...> format,
                          Args&&... args) {
    fail(ErrorCode::usage, "{}:{}: {}", name, line,
         fmt::format(format, std::forward<Args>(args)...));
}

// For messages: of one line, and of what can be printed.
std::string shortened(std::string_view text) {
    std::string result(text.substr(0, 40));
    for (char& character : result)
        if (std::isprint(static_cast<unsigned char>(character)) == 0) character = '?';
    return result;
}

// Parts that empty lines separate; a line with nothing but a comment is none at all.
std::vector<Part> parts_of(std::string_view text) {
    std::vector<Part> parts;
    bool is_apart = true;
    int number = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view whole = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        ++number;
        const std::string_view line = trim(whole.substr(0, whole.find('#')));
        if (line.empty()) {
            is_apart = is_apart || whole.find('#') == std::string_view::npos;
            continue;
        }
        if (std::exchange(is_apart, false)) parts.emplace_back();
        parts.back().push_back({number, line});
    }
    return parts;
}

// Fields between commas, or else between blanks.
std::vector<std::string_view> fields_of(std::string_view line) {
    std::vector<std::string_view> fields;
    if (line.find(',') != std::string_view::npos) {
        for (const std::string_view field : split(line, ',')) fields.push_back(trim(field));
        return fields;
    }
    constexpr std::string_view blanks = " \t\r";
    while (!line.empty()) {
        const std::size_t end = std::min(line.find_first_of(blanks), line.size());
        fields.push_back(line.substr(0, end));
        line.remove_prefix(end);
        line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    }
    return fields;
}

class Parser {
  public:
    Parser(std::string_view name, int ranks) : name_(name), ranks_(ranks) {}

    void pairs(const Part& lines) {
        for (const Line& line : lines) {
            const auto fields = fields_of(line.text);
            if (fields.size() != 4)
                fail_at(name_, line.number, "'{}' has {} fields; a line is {}",
                        shortened(line.text), fields.size(), header);
            const int a = rank(line, fields[0]);
            const int b = rank(line, fields[1]);
            if (a == b)
                fail_at(name_, line.number, "rank {} has no link to itself; leave the line out", a);
            add(a, b, latency(line, fields[2]), us_per_byte(line, fields[3]));
        }
    }

    void matrices(const Part& latencies, const Part& bandwidths) {
        const auto rows = fields_of_matrix(latencies, "latencies");
        const auto others = fields_of_matrix(bandwidths, "bandwidths");
        for (std::size_t a = 0; a < rows.size(); ++a)
            for (std::size_t b = 0; b < rows.size(); ++b)
                if (a != b)
                    add(static_cast<int>(a), static_cast<int>(b), latency(latencies[a], rows[a][b]),
                        us_per_byte(bandwidths[a], others[a][b]));
    }

    std::vector<LinkOverride> take() const {
        std::vector<LinkOverride> result;
        for (const auto& [pair, override] : found_) result.push_back(override);
        return result;
    }

  private:
    using Rows = std::vector<std::vector<std::string_view>>;

    Rows fields_of_matrix(const Part& lines, std::string_view what) const {
        const auto size = static_cast<std::size_t>(ranks_);
        if (lines.size() != size)
            fail_at(name_, lines.front().number,
                    "the matrix of {} that begins here has {} rows for {} ranks", what,
                    lines.size(), ranks_);
        Rows rows;
        for (const Line& line : lines) {
            rows.push_back(fields_of(line.text));
            if (rows.back().size() != size)
                fail_at(name_, line.number, "this row of {} has {} numbers for {} ranks", what,
                        rows.back().size(), ranks_);
            const std::string_view diagonal = rows.back()[rows.size() - 1];
            if (diagonal != "-" && parse_number<double>(diagonal) != 0.0)
                fail_at(name_, line.number,
                        "'{}' stands on the diagonal, where 0 or - is expected: nobody has a link "
                        "to himself",
                        shortened(diagonal));
        }
        return rows;
    }

    int rank(const Line& line, std::string_view field) const {
        const auto rank = parse_number<int>(field);
        if (!rank || *rank < 0) fail_at(name_, line.number, "'{}' is no rank", shortened(field));
        if (*rank >= ranks_)
            fail_at(name_, line.number, "there is no rank {}: the last of {} is {}", *rank, ranks_,
                    ranks_ - 1);
        return *rank;
    }

    double latency(const Line& line, std::string_view field) const {
        const auto latency = parse_number<double>(field);
        // What is larger than a quarter of an hour would make sums that cannot be written down.
        constexpr double us_max = 1e9;
        if (!latency || *latency < 0 || *latency > us_max)
            fail_at(name_, line.number,
                    "'{}' is no latency in us: a number from 0 to {:g} is expected",
                    shortened(field), us_max);
        return *latency;
    }

    double us_per_byte(const Line& line, std::string_view field) const {
        const auto bandwidth = parse_number<double>(field);
        // What is smaller would make times that cannot be written down.
        if (!bandwidth || *bandwidth < 1e-9)
            fail_at(name_, line.number,
                    "'{}' is no bandwidth in GB/s: a number above 0 is expected", shortened(field));
        return 1e-3 / *bandwidth;
    }

    void add(int a, int b, double latency_us, double us_per_byte) {
        const auto [low, high] = std::minmax(a, b);
        LinkOverride& found = found_[{low, high}];
        found.a = low;
        found.b = high;
        found.latency_us = std::max(found.latency_us, latency_us);
        found.us_per_byte = std::max(found.us_per_byte, us_per_byte);
    }

    std::string_view name_;
    int ranks_;
    std::map<std::pair<int, int>, LinkOverride> found_;
};

bool is_header(std::string_view line) {
    std::string packed;
    for (const char character : line)
        if (character != ' ' && character != '\t') packed.push_back(character);
    return packed == header;
}

}  // namespace

std::vector<LinkOverride> parse_links(std::string_view text, std::string_view name, int ranks) {
    if (ranks > override_ranks_max)
        fail(ErrorCode::usage, "{}: costs of single pairs can be given for up to {} ranks, not {}",
             name, override_ranks_max, ranks);
    if (text.size() > links_bytes_max)
        fail(ErrorCode::usage, "{}: {} bytes are too many: a file of links has {} at most", name,
             text.size(), links_bytes_max);
    std::vector<Part> parts = parts_of(text);
    if (parts.empty()) fail(ErrorCode::usage, "{}: there are no links in it", name);
    Parser parser(name, ranks);
    const bool has_header = is_header(parts.front().front().text);
    if (has_header) parts.front().erase(parts.front().begin());
    if (parts.size() == 2 && !has_header)
        parser.matrices(parts[0], parts[1]);
    else
        for (const Part& part : parts) parser.pairs(part);
    return parser.take();
}

}  // namespace ipcrun::topology
