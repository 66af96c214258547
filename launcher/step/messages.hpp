// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What the agents of a step's nodes say to each other, one message a frame (launcher/frames.hpp).
///
///     each -> each          AgentHere  first of all
///     each -> node 0        MetAll     when all others have come to it
///     node 0 -> all         StepPlan   when all have met
///     each -> each          RankOver   whenever one of its ranks has ended
///                           StillHere  who has nothing else to say

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "topology/machine.hpp"

namespace ipcrun {

struct AgentHere {
    std::uint32_t node = 0;
};
struct MetAll {
    topology::Machine machine;  ///< what the node is, for node 0, which plans
};
struct StepPlan {
    std::vector<std::int32_t> tree_parents;  ///< by rank; -1 at the root
};
struct RankOver {
    std::int32_t rank = 0;
    std::int32_t wait_status = 0;
};
struct StillHere {};

using StepMessage = std::variant<AgentHere, MetAll, StepPlan, RankOver, StillHere>;

Bytes encode(const StepMessage& message);

/// Throws Error{protocol} for bytes that `encode` cannot have made.
StepMessage decode_step_message(std::span<const std::uint8_t> bytes);

}  // namespace ipcrun
