// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How an allreduce over hosts is done: cut in what, in how many lanes, by which algorithm between
/// hosts.

#include <cstddef>
#include <map>

#include "runtime/message_allreduce.hpp"
#include "runtime/message_steps.hpp"
#include "runtime/world/host_layout.hpp"

namespace ipcrun {

/// All members choose alike. Remembers what it has found.
class HostChoice {
  public:
    explicit HostChoice(const HostLayout& layout);

    /// All hosts share the CPUs of one machine: what is fastest is what takes the least work.
    void set_one_machine(bool is_one_machine);

    std::size_t segment_bytes() const;
    /// Of a segment. With one a member of each host has it all, and nobody else any of it.
    std::size_t lanes(std::size_t bytes) const;
    /// What is fastest between the hosts for so many bytes of a lane. Cost: at the first call for
    /// such a size that of finding trees.
    const MessagePlan& plan(std::size_t bytes);

  private:
    std::size_t members_max_ = 1;  // of a host
    int hosts_;
    bool is_one_machine_ = false;
    std::map<int, MessagePlan> plans_;  // by how many bits the number of bytes has
};

/// Combines the elements of the steps by what the plan says.
void allreduce_by_plan(MessageSteps& steps, const MessagePlan& plan);

}  // namespace ipcrun
