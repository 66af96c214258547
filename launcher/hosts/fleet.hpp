// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The agents of all hosts of a job, in the order of its hosts.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "launcher/hosts/host_agent.hpp"
#include "launcher/hosts/host_list.hpp"
#include "launcher/hosts/other_hosts.hpp"
#include "launcher/options.hpp"

namespace ipcrun {

class Fleet {
  public:
    struct Callbacks {
        /// All have said what their hosts are: readies(). Once.
        std::function<void()> ready;
        /// What an agent says after it.
        std::function<void(int host, const ToLauncher& message)> message;
        /// An agent is gone: why, in words that name the host. Once for each.
        std::function<void(int host, const std::string& why)> lost;
    };

    /// One agent for each of `hosts`; `own`: the one that has been started on this host already is
    /// that of hosts[own_index].
    struct Own {
        LocalAgent agent;
        int host = 0;
    };
    /// How the others are started: by ssh, or, on the nodes of a job of Slurm, by srun.
    struct Start {
        std::vector<std::string> ssh_arguments = {};  ///< of --ssh-args
        std::string agent_path = {};  ///< of --agent-path; empty: that of this program
        int fan_out = 32;             ///< how many agents one process starts by ssh
        double seconds_max = 30;      ///< until each has said Ready
        std::string slurm_job = {};   ///< its number; empty: none
    };
    Fleet(EventLoop& loop, const std::vector<NamedHost>& hosts, std::optional<Own> own,
          const Start& start, const Prepare& prepare, Callbacks callbacks);

    int size() const { return static_cast<int>(readies_.size()); }
    const std::vector<Ready>& readies() const { return readies_; }
    bool is_lost(int host) const { return is_lost_[static_cast<std::size_t>(host)]; }

    std::string name(int host) const;
    void send(int host, const ToAgent& message);
    void send_to_all(const ToAgent& message);
    void flush();
    void expect_end(int host);
    void kill(int host);
    /// Closes all connections and waits for the ends of all processes of this host, which it kills
    /// at the deadline.
    void end(Deadline deadline);

  private:
    void receive(int host, const ToLauncher& message);
    void lose(int host, const std::string& why);
    bool is_own(int host) const { return host == own_host_; }

    Callbacks callbacks_;
    std::vector<Ready> readies_;
    std::vector<bool> is_ready_, is_lost_;
    int awaited_;
    int own_host_;
    std::unique_ptr<HostAgent> own_;      // null: this host has no part
    std::unique_ptr<OtherHosts> others_;  // null: no other host has
};

/// What the options say of how others are started. Throws Error{usage}.
Fleet::Start start_of(const Options& options, const std::string& slurm_job);

}  // namespace ipcrun
