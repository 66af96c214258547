// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Rings a bell when a socket has something to do: for who sleeps on memory and a socket at once,
/// which the kernel has no one call for.

#include <thread>

#include "base/unique_fd.hpp"
#include "runtime/wire/bell.hpp"

namespace ipcrun {

/// Has a thread, which meets no signals and sleeps but when it rings.
class SocketBell {
  public:
    /// `fd` is borrowed.
    explicit SocketBell(int fd);
    SocketBell(const SocketBell&) = delete;
    ~SocketBell();

    Bell& bell() { return bell_; }
    /// From now on it rings once when the socket can be read (or, if asked, written) or is broken;
    /// at once where that is so already.
    void arm(bool writable) const;

  private:
    void listen();

    int fd_;
    Bell bell_ = {};
    UniqueFd events_;  // an epoll with the socket, and what follows
    UniqueFd stop_;
    std::thread thread_;
};

}  // namespace ipcrun
