// SPDX-License-Identifier: Apache-2.0
#include "launcher/bootstrap/key_value_store.hpp"

#include <fmt/format.h>

#include "launcher/bootstrap/card_text.hpp"

namespace ipcrun {

namespace {

std::string key_of(int rank, std::size_t piece) {
    return fmt::format("ipcrun-card-{}-{}", rank, piece);
}

}  // namespace

std::vector<std::string> exchange_cards(KeyValueStore& store, int rank, int size,
                                        const std::string& card, std::size_t chars_max) {
    const auto own = cut_card(card, chars_max);
    for (std::size_t i = 0; i < own.size(); ++i) store.put(key_of(rank, i), own[i]);
    store.fence();
    std::vector<std::string> cards;
    for (int of = 0; of < size; ++of) {
        if (of == rank) {
            cards.push_back(card);
            continue;
        }
        std::vector<std::string> pieces{store.get(key_of(of, 0))};
        const auto count = static_cast<std::size_t>(count_pieces(pieces.front()));
        while (pieces.size() < count) pieces.push_back(store.get(key_of(of, pieces.size())));
        cards.push_back(join_card(pieces));
    }
    return cards;
}

}  // namespace ipcrun
