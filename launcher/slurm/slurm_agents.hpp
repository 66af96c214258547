// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The agents on the nodes of a job of Slurm, which one srun starts and which connect with this
/// process: the launcher's way to them.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.hpp"
#include "launcher/hosts/host_agent.hpp"
#include "launcher/hosts/other_hosts.hpp"
#include "launcher/slurm/newcomer.hpp"
#include "launcher/slurm/srun.hpp"
#include "runtime/stream/acceptor.hpp"

namespace ipcrun {

class SlurmAgents : public OtherHosts {
  public:
    /// Starts agents on all hosts of `adopt`, which are nodes of that job. All are taken to have
    /// ipcrun where the first has.
    SlurmAgents(EventLoop& loop, const std::string& job, const Adopt& adopt, Callbacks callbacks);
    ~SlurmAgents() override;

    void send(int host, const ToAgent& message) override;
    void flush() override;
    void expect_end(int host) override;
    void kill(int host) override;
    std::string name(int host) const override;
    void end(Deadline deadline) override;

  private:
    struct Node {
        std::string name;
        std::unique_ptr<HostAgent> agent;
    };

    void greet(SecureStream stream);
    void join(std::uint64_t newcomer);
    void hear_srun();
    void hear_out_srun();
    void hear_end_of_srun(Deadline deadline);
    void hear_line(std::string_view line);
    void srun_ended();
    void lose(int host, const std::string& why);
    HostAgent& agent(int host) const { return *nodes_.at(host).agent; }

    EventLoop& loop_;
    Callbacks callbacks_;
    std::map<int, Node> nodes_;  // by host
    std::optional<Acceptor> acceptor_;
    std::map<std::uint64_t, std::unique_ptr<Newcomer>> newcomers_;
    std::uint64_t last_newcomer_ = 0;
    Srun srun_;
    FdWatch output_watch_, end_watch_;
    std::string said_;        // by srun, the last of it
    std::string line_;        // the beginning of one
    std::vector<int> ended_;  // hosts whose tasks it says have ended
    Timer words_time_;
};

}  // namespace ipcrun
