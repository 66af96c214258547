// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The agent's side of standard input that the launcher reads: a pipe to the rank that gets it.

#include <functional>
#include <string>

#include "base/event_loop.hpp"
#include "base/unique_fd.hpp"
#include "launcher/agent_protocol.hpp"

namespace ipcrun {

class InputPipe {
  public:
    /// `taken`: told of what is in the pipe, or dropped because nobody reads it any more.
    InputPipe(EventLoop& loop, std::function<void(const InputTaken&)> taken);
    InputPipe(const InputPipe&) = delete;

    /// The end for the rank, close-on-exec. Once.
    UniqueFd open();
    /// Throws Error{protocol} for more than the window.
    void pass_on(const Input& input);

  private:
    void write();
    void drop_all();

    EventLoop& loop_;
    std::function<void(const InputTaken&)> taken_;
    UniqueFd pipe_;
    FdWatch writable_;
    std::string queue_;
    bool has_ended_ = false;
};

}  // namespace ipcrun
