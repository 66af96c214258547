// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Which elements of a segment belong to which lane, and to which member of this host.

#include <algorithm>
#include <cstddef>

#include "runtime/message_steps.hpp"
#include "runtime/world/host_lane.hpp"

namespace ipcrun {

class HostShares {
  public:
    HostShares(const HostLayout& layout, std::size_t lanes, std::size_t count, Dtype dtype)
        : holders_(layout, lanes),
          members_(layout.here().size()),
          count_(count),
          unit_(cache_line / size_of(dtype)) {}

    /// Nearly equal; no cache line is in two.
    Range of_lane(std::size_t lane) const { return {start(lane), start(lane + 1)}; }
    /// Of all lanes of member number `local` of this host, which lie side by side.
    Range of_member(std::size_t local) const {
        return {start(holders_.first_lane(local)), start(holders_.first_lane(local + 1))};
    }
    /// Do all members of this host have equally many?
    bool are_equal() const {
        for (std::size_t i = 1; i < members_; ++i)
            if (of_member(i).count() != of_member(0).count()) return false;
        return true;
    }

  private:
    static constexpr std::size_t cache_line = 64;

    std::size_t start(std::size_t lane) const {
        const Range lines{0, (count_ + unit_ - 1) / unit_};
        const std::size_t lanes = holders_.lanes();
        const std::size_t line = lane < lanes ? lines.piece(lane, lanes).begin : lines.end;
        return std::min(line * unit_, count_);
    }

    LaneHolders holders_;
    std::size_t members_;
    std::size_t count_;
    std::size_t unit_;  // elements of a cache line
};

}  // namespace ipcrun
