// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Columns of text under each other.

#include <string>
#include <vector>

namespace ipcrun::show {

using Lines = std::vector<std::string>;
using Row = std::vector<std::string>;

/// One line a row, columns two blanks apart; `align` has "l" or "r" for each column. Columns that
/// are empty but for their head, in the first row, are left out.
Lines lay_out(const std::vector<Row>& rows, const std::string& align);

/// `left` and `right` next to each other, or under each other where `columns` are too few.
Lines beside(const Lines& left, const Lines& right, std::size_t columns);

/// Words of `text` in lines of at most `columns`; words that are longer are cut.
Lines wrap(const std::string& text, std::size_t columns);

}  // namespace ipcrun::show
