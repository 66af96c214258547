// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Which NIC each rank of a host uses.

#include <vector>

#include "topology/machine.hpp"

namespace ipcrun::topology {

/// Chooses the NICs of a machine's ranks, one rank after another: the nearest to its GPU (below one
/// PCIe switch, below one host bridge, at one NUMA node, in one package), else to its cores; of
/// those the fastest, then the one by the fewest bridges, then the one with the fewest ranks so
/// far. NICs with less than a quarter of the speed of the fastest, such as the one for
/// administration, are taken only where all are alike.
class NicChoice {
  public:
    explicit NicChoice(const Machine& machine);

    /// An index into Machine::nics, -1 where there are none. `gpu` is an index into Machine::gpus
    /// or -1, `cores` are indices into Machine::cores. Cost: O(NICs x cores).
    int next(int gpu, const std::vector<int>& cores);

  private:
    const Machine& machine_;
    std::vector<int> candidates_;
    std::vector<int> users_;
};

}  // namespace ipcrun::topology
