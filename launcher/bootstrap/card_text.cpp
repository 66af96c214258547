// SPDX-License-Identifier: Apache-2.0
#include "launcher/bootstrap/card_text.hpp"

#include <algorithm>
#include <optional>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "launcher/bootstrap/bootstrap.hpp"
#include "runtime/stream/sodium.hpp"

namespace ipcrun {

namespace {

// Of the largest card in the shortest pieces.
constexpr int pieces_max = 999;
// What stands before the text: "999:".
constexpr std::size_t head_chars_max = 4;

[[noreturn]] void fail_card(std::string_view why) {
    fail(ErrorCode::protocol, "a card of another task: {}", why);
}

}  // namespace

std::vector<std::string> cut_card(std::string_view card, std::size_t chars_max) {
    check(card.size() <= card_bytes_max && chars_max >= 32, "a card that cannot be cut");
    const std::string text = base64_of(card);
    const std::size_t first_chars = std::min(text.size(), chars_max - head_chars_max);
    const std::size_t rest = text.size() - first_chars;
    const std::size_t count = 1 + (rest + chars_max - 1) / chars_max;
    std::vector<std::string> pieces{fmt::format("{}:{}", count, text.substr(0, first_chars))};
    for (std::size_t at = first_chars; at < text.size(); at += chars_max)
        pieces.push_back(text.substr(at, chars_max));
    return pieces;
}

int count_pieces(std::string_view first) {
    const auto count = parse_number<int>(first.substr(0, first.find(':')));
    if (first.find(':') == first.npos || !count || *count < 1 || *count > pieces_max ||
        first.starts_with('0'))
        fail_card("it does not begin with how long it is");
    return *count;
}

std::string join_card(const std::vector<std::string>& pieces) {
    if (pieces.empty() || count_pieces(pieces.front()) != static_cast<int>(pieces.size()))
        fail_card("pieces of it are missing, or too many");
    std::string text = pieces.front().substr(pieces.front().find(':') + 1);
    for (std::size_t i = 1; i < pieces.size(); ++i) {
        if (pieces[i].empty()) fail_card("a piece of it is empty");
        text += pieces[i];
    }
    auto card = bytes_of_base64(text);
    if (!card) fail_card("it is not of the letters of base64");
    if (card->size() > card_bytes_max) fail_card("it is too long");
    return *std::move(card);
}

}  // namespace ipcrun
