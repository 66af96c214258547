// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Where the joiners of a node hand over to its agent: a Unix socket without a file, at which only
/// who knows the job's secret is heard.

#include <optional>
#include <string>

#include "base/deadline.hpp"
#include "base/unique_fd.hpp"
#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

/// What a joiner brings of its rank.
struct TaskArrival {
    int rank = 0;
    UniqueFd process;   ///< a pidfd of the process that is the rank
    UniqueFd answer;    ///< the socket on which that waits for a StepAnswer
    UniqueFd listener;  ///< where it is found by ranks on other nodes
};

struct Door {
    std::string name;
    UniqueFd listener;
};
/// A name that nobody can guess before it is there. Throws Error{system}.
Door open_door();

/// The one call of a joiner; returns when what it brings has been taken. Throws Error: peer_lost
/// (nobody is behind the door, or another user, or it was not let in), timeout, system.
void knock(const std::string& door, const JobSecret& secret, const TaskArrival& arrival,
           Deadline deadline);

/// What a joiner takes at most to send what it has, once it is connected.
constexpr Seconds visitor_patience{5.0};

/// A visitor of `listener`: nullopt when there is none now, or when it is none that belongs here.
/// Blocks while it sends what it has, for as long as `patience` at most. Throws Error{system} when
/// descriptors have run out.
std::optional<TaskArrival> let_in(int listener, const JobSecret& secret,
                                  Seconds patience = visitor_patience);

}  // namespace ipcrun
