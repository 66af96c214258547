// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A thread that sees to the streams to other hosts while the program does something else:
/// computes, waits for ranks of its own host, or sleeps. So what this rank has sent arrives, and
/// who sleeps is woken, whatever it does.

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <thread>

#include "base/deadline.hpp"
#include "base/unique_fd.hpp"
#include "runtime/hosts/remote_peers.hpp"

namespace ipcrun {

class NetWatch {
  public:
    explicit NetWatch(std::shared_ptr<RemotePeers> peers);
    NetWatch(const NetWatch&) = delete;
    /// In a child after fork() there is no thread, and nothing is waited for.
    ~NetWatch();

    /// Somebody looks at the streams itself, which is faster: the thread leaves them alone for a
    /// moment. Any thread.
    void note_look() { last_look_.store(Clock::now(), std::memory_order_relaxed); }

  private:
    void run();
    bool is_looked_after() const;
    bool progress();

    std::shared_ptr<RemotePeers> peers_;  // shared: with the mailboxes
    UniqueFd end_;                        // readable: the thread is to end
    std::atomic<Clock::time_point> last_look_ = Clock::time_point();
    pid_t pid_;
    std::thread thread_;
};

}  // namespace ipcrun
