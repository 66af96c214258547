// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a process hears that found itself among others, side by side, without ipcrun: one of the
/// tasks of `srun`, say. It starts `ipcrun --join` with a socket, and that, or the agent that the
/// processes of its host have in common then, sends one of these in one packet.

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace ipcrun {

/// The variable that says how such processes find each other, which `ipcrun --join` reads.
constexpr const char* bootstrap_variable = "IPCRUN_BOOTSTRAP";
/// Seconds within which all of them have to be there.
constexpr const char* join_timeout_variable = "IPCRUN_JOIN_TIMEOUT";
constexpr double join_timeout_max = 86400;
/// What ipcrun is called with: this, and the seconds.
constexpr std::string_view join_argument = "--join";

/// Nobody belongs with it.
struct Alone {};
/// It is a rank. With a descriptor: its control socket (worker_protocol.hpp).
struct Seated {
    /// "NAME=value": what RankEnvironment reads, but for the socket's number, and its NIC.
    std::vector<std::string> settings;
};
/// It was to be one, and that failed.
struct NotSeated {
    ErrorCode code = ErrorCode::internal;
    std::string reason;
};

using StepAnswer = std::variant<Alone, Seated, NotSeated>;

/// A reason is cut to fit a packet.
Bytes encode(const StepAnswer& answer);

/// Throws Error{protocol} for bytes that `encode` cannot have made.
StepAnswer decode_step_answer(std::span<const std::uint8_t> bytes);

}  // namespace ipcrun
