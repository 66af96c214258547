// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Cards as the texts of a key-value store: pieces of a limited length, of the letters of base64.

#include <string>
#include <string_view>
#include <vector>

namespace ipcrun {

/// At least one piece, each of 1 to `chars_max` characters; `chars_max` is 32 at least. The first
/// begins with how many there are: "2:aGVs", "bG8".
std::vector<std::string> cut_card(std::string_view card, std::size_t chars_max);

/// How many pieces a card has, by its first one. Throws Error{protocol} when it is none.
int count_pieces(std::string_view first);

/// The card of all its pieces. Throws Error{protocol} when cut_card() does not make them.
std::string join_card(const std::vector<std::string>& pieces);

}  // namespace ipcrun
