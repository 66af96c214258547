// SPDX-License-Identifier: Apache-2.0
#pragma once
/// One end of a world of two, a parent and a child, in a memory of their own.

#include <memory>

#include "runtime/heap.hpp"
#include "runtime/node_communicator.hpp"

namespace ipcrun {

class Pair {
  public:
    static constexpr int parent = 0;
    static constexpr int child = 1;

    /// `rank`: which of the two this process is. The doorbell is the parent's; null: it never waits
    /// for several.
    Pair(UniqueFd control, UniqueFd heap, std::shared_ptr<Doorbell> doorbell, int rank);

    Communicator& communicator() { return communicator_; }
    const std::shared_ptr<Heap>& heap() const { return heap_; }
    const ControlSegment& control() const { return heap_->memory()->control(); }

  private:
    std::shared_ptr<Heap> heap_;
    Communicator communicator_;
};

}  // namespace ipcrun
