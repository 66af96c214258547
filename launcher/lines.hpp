// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Whole lines out of a stream of bytes, and lines of many ranks into one stream. Pure.

#include <string>
#include <string_view>

namespace ipcrun {

/// A line that grows beyond this is passed on in pieces.
constexpr std::size_t line_bytes_max = 64 * 1024;

/// Holds back what one stream of one rank has not finished. A line ends with '\n', or with '\r', so
/// that progress bars move.
class LineAssembler {
  public:
    /// With `whole_lines` false everything is passed on as it comes.
    explicit LineAssembler(bool whole_lines) : whole_lines_(whole_lines) {}

    /// What can be passed on now that `bytes` have arrived: whole lines, or a piece of a long one.
    std::string take(std::string_view bytes);
    /// The unfinished rest: there will be no more.
    std::string finish();

  private:
    bool whole_lines_;
    std::string rest_;
};

/// Puts what ranks write into one stream, so that no line is torn by another rank's.
class LineMixer {
  public:
    explicit LineMixer(bool tag) : tag_(tag) {}

    /// `data` of `rank` as it is to be written behind all that came before: each line with its tag,
    /// and a newline first where another rank has left a line unfinished.
    std::string mix(int rank, std::string_view data);
    /// A newline when the last line is unfinished, else nothing: for text of the launcher's own.
    std::string end_line();

  private:
    bool tag_;
    int last_rank_ = -1;
    char last_char_ = '\n';
    int returned_rank_ = -1;  // its '\r' was followed by another rank's line: its '\n' says nothing
};

}  // namespace ipcrun
