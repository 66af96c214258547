// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A connection of an agent that srun has started, until it has said which node it is on.

#include <functional>
#include <string>
#include <string_view>

#include "base/deadline.hpp"
#include "base/event_loop.hpp"
#include "launcher/hosts/greeting.hpp"
#include "runtime/stream/secure_stream.hpp"

namespace ipcrun {

/// What an agent says first of all, and nothing more before it is spoken to: its node, and the
/// greeting that has its version. Throws Error{peer_lost} or {timeout}.
void introduce(SecureStream& stream, std::string_view node, Deadline deadline);

class Newcomer {
  public:
    /// `done`, which may drop it, is called once it has introduced itself, or cannot.
    Newcomer(EventLoop& loop, SecureStream stream, std::function<void()> done);

    const std::string& node() const { return node_; }    ///< empty: it has not said that
    const std::string& fault() const { return fault_; }  ///< why it is of no use; empty: it is
    SecureStream take_stream();

  private:
    void read();
    bool hear(std::string_view bytes);

    SecureStream stream_;
    std::function<void()> done_;
    std::string node_, fault_;
    bool has_node_ = false;
    GreetingReader greeting_;
    FdWatch watch_;
};

}  // namespace ipcrun
