// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A connection between two agents of a step, over which they speak as agent and launcher do
/// (launcher/agent_protocol.hpp), and notice when the other is silent.

#include <functional>
#include <optional>
#include <string>

#include "launcher/frames.hpp"
#include "launcher/hosts/pulse.hpp"
#include "runtime/stream/secure_stream.hpp"

namespace ipcrun {

constexpr std::string_view step_purpose = "ipcrun step";

class AgentLink {
  public:
    struct Callbacks {
        std::function<void(std::span<const std::uint8_t> frame)> frame;
        /// Closed, silent for too long, or it says what makes no sense: why, and what that makes of
        /// its ranks (host_lost_status, agent_lost_status). Once.
        std::function<void(const std::string& why, int wait_status)> lost;
    };
    /// From expect_life() on `alive` is said when there is nothing else, and the other may say
    /// nothing for `silence_max`.
    AgentLink(EventLoop& loop, SecureStream stream, Bytes alive, Callbacks callbacks,
              Seconds silence_max = Seconds(10));

    /// From now on silence is an end.
    void expect_life();
    /// Writes at once what the connection takes now: the other waits for it, and this process may
    /// be about to end.
    void send(const Bytes& message) {
        frames_.send(message);
        (void)flush();
    }
    /// Writes what the connection takes now; true when nothing is left.
    bool flush() { return !is_open_ || frames_.flush(); }
    /// What to wait for when flush() has left something.
    int fd() const { return fd_; }
    void close();

  private:
    void receive(std::span<const std::uint8_t> frame);
    void lose(const std::string& why, int wait_status);

    Callbacks callbacks_;
    int fd_;  // of what the next one owns
    FrameStream frames_;
    EventLoop& loop_;
    Bytes alive_;
    Seconds silence_max_;
    std::optional<Pulse> pulse_;
    bool is_open_ = true;
};

}  // namespace ipcrun
