// SPDX-License-Identifier: Apache-2.0
// The text of rankfiles, in Open MPI's form: "rank 3=node01 slot=4-7,12".
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "topology/place/mapping.hpp"

namespace ipcrun::topology {

namespace {

// Linux has no more CPUs than this in any configuration (NR_CPUS of x86); a list of more is a
// typing error that must not fill the memory.
constexpr int cpus_max = 8192;
constexpr int ranks_max = 1 << 24;

constexpr std::string_view space = " \t";
constexpr std::string_view form = "rank N=HOST slot=CPUS";

/// One line, of which words are taken from the front.
class Line {
  public:
    Line(std::string_view text, std::string_view file, int number)
        : rest_(text), file_(file), number_(number) {}

    template <typename... Args>
    [[noreturn]] void refuse(fmt::format_string<Args...> format, Args&&... args) const {
        fail(ErrorCode::usage, "{}:{}: {}", file_, number_,
             fmt::format(format, std::forward<Args>(args)...));
    }

    void skip(std::string_view word) {
        if (rest_.substr(0, word.size()) != word)
            refuse("a line reads '{}'; '{}' was expected at '{}'", form, word, excerpt(rest_));
        rest_.remove_prefix(word.size());
        skip_space();
    }

    /// What comes before any of `ends`, or all.
    std::string_view take_until(std::string_view ends) {
        const std::string_view word = rest_.substr(0, rest_.find_first_of(ends));
        rest_.remove_prefix(word.size());
        skip_space();
        return word;
    }

    std::string_view rest() const { return rest_; }

  private:
    void skip_space() {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(space), rest_.size()));
    }

    std::string_view rest_;
    std::string_view file_;
    int number_;
};

std::vector<int> parse_cpus(const Line& line, std::string_view text) {
    if (text.empty()) line.refuse("the list of CPUs is empty");
    if (text.find(':') != std::string_view::npos)
        line.refuse("'{}': CPUs are the kernel's numbers, as 4-7,12; not package:core",
                    excerpt(text));
    std::vector<int> cpus;
    for (const std::string_view piece : split(text, ',')) {
        const auto range = parse_list(piece);
        if (!range || range->empty())
            line.refuse("'{}' is no list of CPUs, as 4-7,12", excerpt(text));
        if (range->back() >= cpus_max || cpus.size() + range->size() > cpus_max)
            line.refuse("'{}': CPUs have numbers below {}, and each is named once", excerpt(text),
                        cpus_max);
        cpus.insert(cpus.end(), range->begin(), range->end());
    }
    std::sort(cpus.begin(), cpus.end());
    const auto twice = std::adjacent_find(cpus.begin(), cpus.end());
    if (twice != cpus.end()) line.refuse("'{}' names CPU {} twice", excerpt(text), *twice);
    return cpus;
}

RankLine parse_line(Line line) {
    line.skip("rank");
    const std::string_view number = line.take_until(" \t=");
    const auto rank = parse_number<int>(number);
    if (!rank || *rank < 0 || *rank >= ranks_max)
        line.refuse("'{}' is no rank, from 0 to {}", excerpt(number), ranks_max - 1);
    line.skip("=");
    const std::string_view host = line.take_until(" \t=");
    if (host.empty()) line.refuse("rank {} has no host", *rank);
    line.skip("slot");
    line.skip("=");
    const std::string_view list = line.take_until(space);
    if (!line.rest().empty())
        line.refuse("'{}' stands behind the list of CPUs, which has no spaces",
                    excerpt(line.rest()));
    return {*rank, std::string(host), parse_cpus(line, list)};
}

}  // namespace

std::vector<RankLine> parse_rankfile(std::string_view text, std::string_view name) {
    struct Found {
        RankLine content;
        int line = 0;
    };
    std::vector<Found> found;
    int number = 0;
    for (std::string_view line : split(text, '\n')) {
        ++number;
        line = trim(line.substr(0, line.find('#')));
        if (!line.empty()) found.push_back({parse_line({line, name, number}), number});
    }
    if (found.empty()) fail(ErrorCode::usage, "{}: no line '{}'", name, form);
    std::stable_sort(found.begin(), found.end(), [](const Found& left, const Found& right) {
        return left.content.rank < right.content.rank;
    });
    std::vector<RankLine> lines;
    for (Found& entry : found) {
        const int rank = entry.content.rank;
        const int expected = static_cast<int>(lines.size());
        if (rank < expected)
            fail(ErrorCode::usage, "{}:{}: rank {} has a line already", name, entry.line, rank);
        if (rank > expected)
            fail(ErrorCode::usage, "{}:{}: there is a rank {} and no rank {}", name, entry.line,
                 rank, expected);
        lines.push_back(std::move(entry.content));
    }
    return lines;
}

}  // namespace ipcrun::topology
