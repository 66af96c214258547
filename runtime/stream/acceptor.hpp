// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The server's way to SecureStreams: takes connections and shakes hands with many at a time, in
/// the thread that runs an event loop.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "base/event_loop.hpp"
#include "runtime/stream/secure_stream.hpp"

namespace ipcrun {

struct AcceptorOptions {
    Key key;
    bool encrypt = false;
    std::string_view purpose = "ipc";
    std::chrono::milliseconds patience{10'000};  ///< for one handshake
    /// Handshakes under way at a time. When more come, they wait in the queue of the kernel until
    /// one has ended, or has to give way: to others each has `silence` for its first word, and
    /// `patience_for_others` for all of it. So a flood of silent connections keeps nobody out who
    /// speaks, and many who speak at once do not push out each other.
    std::size_t handshakes_max = 128;
    std::chrono::milliseconds silence{100};
    std::chrono::milliseconds patience_for_others{1'000};
};

/// Who was not let in.
struct Refusals {
    std::uint64_t count = 0;
    std::string last = {};  ///< "10.0.0.9:4711: another key"
};

class Acceptor {
  public:
    /// `on_stream` gets each connection that has proved itself; an exception of it counts as a
    /// refusal. It may drop the Acceptor, which is otherwise dropped in the thread of the loop.
    /// Takes the listening socket. When descriptors are exhausted it pauses for 100 ms at a time;
    /// others are served meanwhile.
    Acceptor(EventLoop& loop, UniqueFd listener, AcceptorOptions options,
             std::function<void(SecureStream)> on_stream);
    ~Acceptor();
    Acceptor(const Acceptor&) = delete;

    /// Any thread.
    Refusals refusals() const;

  private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace ipcrun
