// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Links of GPUs as sources tell them, one by one, and what they come to for a Machine.

#include <cstddef>
#include <vector>

#include "topology/machine.hpp"

namespace ipcrun::topology {

/// All links of one GPU to the same other add up, and all its links to switches: whatever it has to
/// one switch port reaches all others there. GB/s are those of each direction.
class GpuLinkTable {
  public:
    explicit GpuLinkTable(std::size_t gpus)
        : count_(gpus), direct_(gpus * gpus), switched_(gpus), host_(gpus) {}

    /// From `a` to `b`, told by `a`; a link of a GPU to itself says nothing.
    void add_direct(std::size_t a, std::size_t b, double gbytes_per_s) {
        if (a != b) direct_[a * count_ + b] += gbytes_per_s;
    }
    void add_switched(std::size_t gpu, double gbytes_per_s) { switched_[gpu] += gbytes_per_s; }
    void add_host(std::size_t gpu, double gbytes_per_s) { host_[gpu] += gbytes_per_s; }

    /// Adds to gpu_links, and to the host links of the GPUs.
    void add_to(Machine& machine) const;

  private:
    std::size_t count_;
    std::vector<double> direct_, switched_, host_;
};

}  // namespace ipcrun::topology
