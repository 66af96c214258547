// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Ends what blocks in a library that cannot be broken off: together with the process.

#include <string>
#include <thread>

#include "base/deadline.hpp"
#include "base/unique_fd.hpp"
#include "launcher/bootstrap/bootstrap.hpp"

namespace ipcrun {

/// As long as it lives, the deadline calls `on_timeout` with this text as Error{timeout}, and ends
/// the process with status 1 thereafter.
class Guard {
  public:
    Guard(Deadline deadline, OnTimeout on_timeout, std::string text);
    ~Guard();
    Guard(const Guard&) = delete;

  private:
    UniqueFd end_, watched_;
    std::thread thread_;
};

}  // namespace ipcrun
