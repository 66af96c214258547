// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a process sleeps on that waits for any of many others.

#include "base/mapping.hpp"
#include "runtime/wire/bell.hpp"

namespace ipcrun {

/// A bell in a memory of its own: one process sleeps on it while it waits for any of many others,
/// with each of which it shares another memory.
class Doorbell {
  public:
    /// The descriptor is for handing on to those who ring.
    static UniqueFd create();
    /// Maps what `create` made. Throws Error{protocol} when it is something else.
    explicit Doorbell(int fd);

    Bell& bell() const { return *reinterpret_cast<Bell*>(mapping_.data()); }

  private:
    Mapping mapping_;
};

}  // namespace ipcrun
