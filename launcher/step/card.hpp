// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What each rank of a step tells all others, once, over the bootstrap: where it is, and at which
/// doors of it others can knock. Ranks of one node share memory, and have one agent: the joiner
/// (ipcrun --join) of the first of them, which then becomes it.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

struct Card {
    std::uint32_t version = 1;
    std::string node_id;   ///< equal on ranks of one node: see own_node_id()
    std::string host;      ///< its name, for people
    std::string address;   ///< where the rank listens for ranks on other nodes: "10.0.0.2:4711"
    std::string door;      ///< where its joiner listens for others of its node
    std::string cpus;      ///< that it may run on: "0-3,8"
    std::string switches;  ///< above its node: see own_switches()
    std::string agent_address;  ///< where its joiner listens for agents, if it becomes one
    JobSecret secret = {};      ///< of the job: of rank 0 alone

    bool operator==(const Card&) const = default;
};

std::string encode_card(const Card& card);

/// Throws Error{protocol} for text that encode_card() cannot have made, and for the card of another
/// version of ipcrun.
Card decode_card(std::string_view text);

/// Of this process: of two that have the same, each can share memory with the other, see its pid
/// and knock at its door. What the launcher calls a node is one, even where several are one host.
std::string own_node_id();

}  // namespace ipcrun
