// SPDX-License-Identifier: Apache-2.0
#include "launcher/lines.hpp"

#include <fmt/format.h>

#include <utility>

namespace ipcrun {

namespace {

constexpr std::string_view line_ends = "\n\r";

}  // namespace

std::string LineAssembler::take(std::string_view bytes) {
    if (!whole_lines_) return std::string(bytes);
    const auto last_end = bytes.find_last_of(line_ends);
    const std::size_t whole = last_end == std::string_view::npos ? 0 : last_end + 1;
    std::string ready;
    if (whole > 0 || rest_.size() + bytes.size() > line_bytes_max)
        ready = std::exchange(rest_, std::string());
    if (whole > 0) {
        ready += bytes.substr(0, whole);
        rest_ = bytes.substr(whole);
        return ready;
    }
    if (ready.empty())
        rest_ += bytes;
    else
        rest_ = bytes;
    return ready;
}

std::string LineAssembler::finish() {
    return std::exchange(rest_, std::string());
}

std::string LineMixer::mix(int rank, std::string_view data) {
    if (data.empty()) return {};
    std::string text;
    if (rank != last_rank_) {
        // The newline that other output has already brought: "\r" and "\n" came in two pieces.
        if (rank == returned_rank_ && data.front() == '\n') data.remove_prefix(1);
        if (rank == returned_rank_) returned_rank_ = -1;
        if (data.empty()) return {};
        if (last_char_ == '\r') returned_rank_ = last_rank_;
        text = end_line();
    }
    last_rank_ = rank;
    if (!tag_) {
        text += data;
        last_char_ = data.back();
        return text;
    }
    while (!data.empty()) {
        // "\r\n" is one end.
        auto end = data.find_first_of(line_ends);
        if (end != std::string_view::npos && data.substr(end, 2) == "\r\n") ++end;
        const std::string_view line = data.substr(0, end == std::string_view::npos ? end : end + 1);
        const bool continues = last_char_ != '\n' && last_char_ != '\r';
        const bool only_newline = last_char_ == '\r' && line == "\n";
        if (!continues && !only_newline) text += fmt::format("[{}] ", rank);
        text += line;
        last_char_ = line.back();
        data.remove_prefix(line.size());
    }
    return text;
}

std::string LineMixer::end_line() {
    return std::exchange(last_char_, '\n') == '\n' ? "" : "\n";
}

}  // namespace ipcrun
