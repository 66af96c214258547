// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Agents on other hosts, started as a tree: this process starts a few, each of which starts its
/// part of the rest and passes on what is said. The launcher has these, and so has every agent that
/// starts others.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "launcher/hosts/host_agent.hpp"
#include "launcher/hosts/other_hosts.hpp"

namespace ipcrun {

/// A message as what passes it on has it.
std::string frame_of(const Bytes& bytes);
std::span<const std::uint8_t> bytes_of(const std::string& frame);

class Branches : public OtherHosts {
  public:
    /// Starts agents for all hosts of `adopt`, at most Adopt::fan_out of them itself.
    Branches(EventLoop& loop, const Adopt& adopt, Callbacks callbacks);
    ~Branches() override;

    void send(int host, const ToAgent& message) override;
    void flush() override;
    void expect_end(int host) override;
    void kill(int host) override;
    std::string name(int host) const override;
    /// The processes (ssh) of this host that it stands on.
    std::vector<pid_t> processes() const;
    /// Somebody else has reaped that process: true when it was one of them.
    bool reaped(pid_t pid, int status);
    void end(Deadline deadline) override;

  private:
    struct Branch {
        std::vector<Adoption> hosts;  // the first is the one that is started here
        std::unique_ptr<HostAgent> agent;
        bool is_up = false;  // it has begun to start the others
    };
    struct State {
        Adoption adoption;
        Branch* branch = nullptr;
        bool has_spoken = false;  // from then on a loss is one
        bool is_over = false;     // lost, or expected to end
    };

    void start(std::vector<Adoption> hosts);
    void receive(Branch& branch, const ToLauncher& message);
    void lose_branch(Branch& branch, const std::string& why);
    void lose(int host, const std::string& why);
    void hear(int host, const ToLauncher& message);
    State& state(int host);

    EventLoop& loop_;
    Adopt adopt_;
    Callbacks callbacks_;
    std::vector<State> states_;  // by host; of hosts that are not here without a branch
    std::vector<std::unique_ptr<Branch>> branches_;
};

}  // namespace ipcrun
