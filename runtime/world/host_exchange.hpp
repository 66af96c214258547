// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Many messages with other hosts at once, some of them under way at a time.

#include <deque>
#include <span>

#include "runtime/world/host_operation.hpp"

namespace ipcrun {

/// All members that call it take the same steps in the same order, so that what one waits for has
/// been, or will be, started by the other before that waits for something later.
class HostExchange {
  public:
    HostExchange(const HostOperation& operation, HostOperation::Tag tag)
        : operation_(operation), tag_(operation.tag(tag)) {}
    HostExchange(const HostExchange&) = delete;

    /// Copies the array of parts. Waits for older steps when there are many.
    void receive(std::span<const Part> parts, int from);
    void send(std::span<const Part> parts, int to);
    void finish();

  private:
    struct Step {
        int other;
        HostSteps::ReceivingPtr receiving;  // one of the two
        HostSteps::SendingPtr sending;
    };
    void add(Step step);
    void settle();

    static constexpr std::size_t steps_under_way = 32;
    const HostOperation& operation_;
    int tag_;
    std::deque<Step> steps_;
};

}  // namespace ipcrun
