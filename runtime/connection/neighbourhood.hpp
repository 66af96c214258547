// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What the connections of one process share: a thread that takes new ones and learns of the ends
/// of peers, a doorbell to sleep on, and the means to find out that two ends are in one process.

#include <memory>

namespace ipcrun {

class Neighbourhood {
  public:
    /// Starts nothing: the thread comes with the first connection or server. Two of these in one
    /// process count as two processes.
    static std::shared_ptr<Neighbourhood> create();
    Neighbourhood(const Neighbourhood&) = delete;
    /// Ends the thread. Connections and servers hold it, so none is left.
    ~Neighbourhood();

    struct Impl;
    Impl& impl() { return *impl_; }

  private:
    Neighbourhood();
    std::unique_ptr<Impl> impl_;
};

}  // namespace ipcrun
