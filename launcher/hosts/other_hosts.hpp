// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The agents of other hosts as whoever speaks with them has them, however they were started.

#include <functional>
#include <string>

#include "base/deadline.hpp"
#include "launcher/agent_protocol.hpp"

namespace ipcrun {

class OtherHosts {
  public:
    struct Callbacks {
        std::function<void(int host, const ToLauncher& message)> message;
        /// The agent of that host is gone, or never came: why, in words that name the host. Once
        /// for each.
        std::function<void(int host, const std::string& why)> lost;
    };

    OtherHosts() = default;
    OtherHosts(const OtherHosts&) = delete;
    virtual ~OtherHosts() = default;

    virtual void send(int host, const ToAgent& message) = 0;
    virtual void flush() = 0;
    /// Whatever that host's agent does from now on is no loss.
    virtual void expect_end(int host) = 0;
    /// Ends what this process has of the way to it.
    virtual void kill(int host) = 0;
    /// For people: "the agent on host h2".
    virtual std::string name(int host) const = 0;
    /// Closes all connections and waits for the ends of the processes on this host that they stand
    /// on (ssh, srun), which it kills at the deadline.
    virtual void end(Deadline deadline) = 0;
};

}  // namespace ipcrun
