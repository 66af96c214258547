// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The queues that the ranks of a job share by name. Their agent makes each when it is first asked
/// for, and keeps it until the job ends; it takes no part in them.

#include <cstdint>
#include <map>
#include <string>

#include "base/unique_fd.hpp"

namespace ipcrun {

constexpr std::size_t named_queues_max = 1024;

class NamedQueues {
  public:
    /// The memory of the queue `name`, borrowed. Throws Error: usage (it is there with another
    /// capacity, or there are too many), system.
    int open(const std::string& name, std::uint64_t capacity);

  private:
    struct Queue {
        UniqueFd memory;
        std::uint64_t capacity;
    };
    std::map<std::string, Queue> queues_;
};

}  // namespace ipcrun
