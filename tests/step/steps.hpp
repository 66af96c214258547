// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Steps that tests write down: which rank is on which node.

#include <fmt/format.h>

#include <string>
#include <vector>

#include "launcher/step/seats.hpp"
#include "tests/topology/sample_machines.hpp"

namespace ipcrun::testing {

inline JobSecret secret_of(std::uint8_t byte) {
    JobSecret secret;
    secret.fill(byte);
    return secret;
}

inline Card card_on(int node) {
    return {.node_id = fmt::format("id-{}", node),
            .host = fmt::format("h{}", node),
            .address = fmt::format("10.0.0.{}:4711", node + 1),
            .door = fmt::format("door-{}", node),
            .cpus = "0-3",
            .agent_address = fmt::format("10.0.0.{}:4712", node + 1)};
}

/// By rank, its node: {0, 0, 1, 1} are two nodes in blocks.
inline std::vector<Card> cards_on(const std::vector<int>& nodes) {
    std::vector<Card> cards;
    for (const int node : nodes) cards.push_back(card_on(node));
    cards.front().secret = secret_of(7);
    return cards;
}

inline StepSeats seats_of(const std::vector<Card>& cards) {
    std::vector<std::string> texts;
    for (const Card& card : cards) texts.push_back(encode_card(card));
    return seat_ranks(texts);
}

/// Of the CPUs 0 to 3.
inline topology::Machine small_machine() {
    return topology::machine_of({.cores = 4});
}

/// Calls that cannot be without an error: its code.
template <typename Call>
ErrorCode code_of(Call call) {
    try {
        call();
    } catch (const Error& error) {
        return error.code;
    }
    throw std::logic_error("there was no error");
}

template <typename Call>
std::string error_of(Call call) {
    try {
        call();
    } catch (const Error& error) {
        return error.what();
    }
    throw std::logic_error("there was no error");
}

}  // namespace ipcrun::testing
