// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The agent of one host as the launcher sees it: started, spoken to, and found to be gone.

#include <signal.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/deadline.hpp"
#include "base/event_loop.hpp"
#include "launcher/agent.hpp"
#include "launcher/agent_protocol.hpp"
#include "launcher/frames.hpp"
#include "launcher/hosts/greeting.hpp"
#include "launcher/hosts/ssh.hpp"

namespace ipcrun {

class HostAgent {
  public:
    struct Callbacks {
        std::function<void(const ToLauncher&)> message;  ///< but Alive
        /// It is gone, or silent for too long: why, in words that name the host or the process.
        /// Once, and nothing after it.
        std::function<void(const std::string& why)> lost;
    };
    struct Patience {
        Seconds start{30};   ///< until it has said Ready
        Seconds silence{0};  ///< of one on another host afterwards; 0: no limit
    };

    /// The agent on this host, which has been started.
    HostAgent(EventLoop& loop, LocalAgent agent, const Prepare& prepare, Callbacks callbacks);
    /// The agent on another host: starts ssh.
    HostAgent(EventLoop& loop, std::string host, const SshOptions& ssh, const Prepare& prepare,
              const Patience& patience, Callbacks callbacks);
    /// The agent on another host that somebody else starts, and that connects with us: join().
    HostAgent(EventLoop& loop, std::string host, const Prepare& prepare, const Patience& patience,
              Callbacks callbacks);
    HostAgent(const HostAgent&) = delete;
    ~HostAgent();

    /// "the agent (pid 77)", "the agent on host h2".
    std::string name() const;
    void send(const ToAgent& message);
    /// It is there, and has said which version it is of.
    void join(SecureStream stream);
    /// It will not: a loss, unless it has.
    void give_up(const std::string& why);
    bool has_joined() const { return frames_.has_value(); }
    /// Writes what the connection takes now; true when nothing is left.
    bool flush();
    /// Whatever it does from now on is no loss.
    void expect_end();
    /// Closes the connection, which the agent takes for the launcher's end: it sweeps, and exits.
    void close();
    /// Ends its process (ssh, on another host) at once: it may have been stopped. The connection,
    /// where the process is not ours.
    void kill();
    /// Of its process; -1: it has been reaped.
    pid_t pid() const { return process_.pid; }
    /// Somebody else has reaped it.
    void reaped(int status) { reaped_status_ = status; }
    /// Waits for its process (ssh, on another host) after close(), and kills it if it does not end.
    void await_end(Deadline deadline);

  private:
    struct Remote;
    HostAgent(EventLoop& loop, std::string host, Callbacks callbacks);
    void await_ready(const Prepare& prepare, const Patience& patience);
    FrameStream::Callbacks frame_callbacks();
    void greeted();
    void end_seen();
    std::optional<Bytes> hear_greeting(std::span<const std::uint8_t> bytes);
    void receive(std::span<const std::uint8_t> frame);
    void lose(const std::string& why);
    void lose_sense(const Error& error);
    std::optional<int> reap();

    EventLoop& loop_;
    Callbacks callbacks_;
    Child process_;
    std::optional<int> reaped_status_;
    std::optional<FrameStream> frames_;  // none: it has not connected yet
    std::unique_ptr<Remote> remote_;     // null: it is on this host
    bool is_expected_to_end_ = false;
    bool is_done_ = false;  // nothing of the job is left there
};

}  // namespace ipcrun
