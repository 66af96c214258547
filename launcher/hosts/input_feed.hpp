// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The launcher's side of standard input for a rank on another host: read here, sent there.

#include <functional>

#include "base/event_loop.hpp"
#include "base/unique_fd.hpp"
#include "launcher/agent_protocol.hpp"

namespace ipcrun {

class InputFeed {
  public:
    /// Reads standard input from the next turn of the loop on and gives it to `send`, an empty
    /// Input last; never more ahead than the window of the protocol.
    InputFeed(EventLoop& loop, std::function<void(const Input&)> send);
    InputFeed(const InputFeed&) = delete;

    void taken(const InputTaken& taken);

  private:
    void open_source();
    void read();
    void read_on();
    void stop();
    void end();

    EventLoop& loop_;
    std::function<void(const Input&)> send_;
    UniqueFd own_;  // a description of our own, where there can be one
    int source_;
    UniqueFd epoll_;
    FdWatch readable_;
    Timer next_;  // where a source cannot be waited for: it always has something, or its end
    std::size_t window_ = input_window_bytes;
};

}  // namespace ipcrun
