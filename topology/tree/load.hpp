// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How long members and physical edges are busy with one segment, as a function of its bytes.

#include <algorithm>
#include <vector>

namespace ipcrun::topology {

struct Load {
    double fixed_us = 0;
    double us_per_byte = 0;

    double us(double bytes) const { return fixed_us + bytes * us_per_byte; }
    void add(const Load& other) {
        fixed_us += other.fixed_us;
        us_per_byte += other.us_per_byte;
    }
};

/// The largest of many loads, for any number of bytes. Keeps only those that no other exceeds in
/// both parts: few, since a machine has few kinds of links.
class LargestLoad {
  public:
    void add(const Load& load) {
        for (const Load& kept : loads_)
            if (kept.fixed_us >= load.fixed_us && kept.us_per_byte >= load.us_per_byte) return;
        std::erase_if(loads_, [&](const Load& kept) {
            return kept.fixed_us <= load.fixed_us && kept.us_per_byte <= load.us_per_byte;
        });
        loads_.push_back(load);
    }
    double us(double bytes) const {
        double largest = 0;
        for (const Load& load : loads_) largest = std::max(largest, load.us(bytes));
        return largest;
    }

  private:
    std::vector<Load> loads_ = {};
};

}  // namespace ipcrun::topology
