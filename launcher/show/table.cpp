// SPDX-License-Identifier: Apache-2.0
#include "launcher/show/table.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "launcher/show/numbers.hpp"

namespace ipcrun::show {

namespace {

void strip_end(std::string& line) {
    while (line.ends_with(' ')) line.pop_back();
}

bool is_empty(const std::vector<Row>& rows, std::size_t column) {
    return std::all_of(rows.begin() + 1, rows.end(), [column](const Row& row) {
        return column >= row.size() || row[column].empty() || row[column] == "-";
    });
}

std::size_t width_of_column(const std::vector<Row>& rows, std::size_t column) {
    std::size_t width = 0;
    for (const Row& row : rows)
        if (column < row.size()) width = std::max(width, width_of(row[column]));
    return width;
}

}  // namespace

Lines lay_out(const std::vector<Row>& rows, const std::string& align) {
    Lines lines(rows.size());
    for (std::size_t column = 0; column < align.size(); ++column) {
        if (rows.size() > 1 && is_empty(rows, column)) continue;
        const std::size_t width = width_of_column(rows, column);
        for (std::size_t index = 0; index < rows.size(); ++index) {
            const std::string cell = column < rows[index].size() ? rows[index][column] : "";
            const std::string blanks(width - width_of(cell), ' ');
            if (!lines[index].empty()) lines[index] += "  ";
            lines[index] += align[column] == 'r' ? blanks + cell : cell + blanks;
        }
    }
    std::ranges::for_each(lines, strip_end);
    return lines;
}

Lines beside(const Lines& left, const Lines& right, std::size_t columns) {
    std::size_t left_width = 0, right_width = 0;
    for (const std::string& line : left) left_width = std::max(left_width, width_of(line));
    for (const std::string& line : right) right_width = std::max(right_width, width_of(line));
    Lines lines = left;
    if (left_width + 4 + right_width > columns) {
        lines.insert(lines.end(), right.begin(), right.end());
        return lines;
    }
    lines.resize(std::max(left.size(), right.size()));
    for (std::size_t index = 0; index < right.size(); ++index) {
        lines[index] += std::string(left_width + 4 - width_of(lines[index]), ' ') + right[index];
        strip_end(lines[index]);
    }
    return lines;
}

Lines wrap(const std::string& text, std::size_t columns) {
    Lines lines(1);
    for (const std::string_view word : split(text, ' ')) {
        std::string& line = lines.back();
        if (line.empty()) {
            line = cut(word, columns);
        } else if (width_of(line) + 1 + width_of(word) <= columns) {
            line += ' ';
            line += word;
        } else {
            lines.push_back(cut(word, columns));
        }
    }
    return lines;
}

}  // namespace ipcrun::show
