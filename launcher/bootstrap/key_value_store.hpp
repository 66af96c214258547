// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Cards by way of the key-value stores of PMI-1 and PMI-2, whose values are short texts.

#include <string>
#include <vector>

namespace ipcrun {

class KeyValueStore {
  public:
    virtual ~KeyValueStore() = default;
    virtual void put(const std::string& key, const std::string& value) = 0;
    /// Waits for all; then each can get what all have put.
    virtual void fence() = 0;
    virtual std::string get(const std::string& key) = 0;
};

/// The cards of all, by rank. `chars_max`: of a value. Throws what the store does, and
/// Error{protocol} for what is no card.
std::vector<std::string> exchange_cards(KeyValueStore& store, int rank, int size,
                                        const std::string& card, std::size_t chars_max);

}  // namespace ipcrun
