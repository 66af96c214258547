// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A lane between hosts: one member of each carries the messages about a share of the elements.

#include <cstddef>
#include <span>
#include <vector>

#include "runtime/message_carrier.hpp"
#include "runtime/world/host_steps.hpp"

namespace ipcrun {

/// Which members hold which of `lanes` lanes, the same wherever it is asked. A host with fewer
/// members than lanes has members with several, which lie side by side; one with more has members
/// without any. Whoever holds several goes through them in increasing order, so nobody waits in a
/// circle: what a lane waits for comes from lower ones, or itself.
class LaneHolders {
  public:
    LaneHolders(const HostLayout& layout, std::size_t lanes) : layout_(layout), lanes_(lanes) {}

    std::size_t lanes() const { return lanes_; }
    /// Number of the holder among the members of its host.
    std::size_t local_holder(std::size_t lane, int host) const {
        return lane * members_on(host).size() / lanes_;
    }
    int holder(std::size_t lane, int host) const {
        return members_on(host)[local_holder(lane, host)];
    }
    /// The first lane that member `local` of this host, or one after it, holds.
    std::size_t first_lane(std::size_t local) const {
        const std::size_t members = layout_.here().size();
        return (local * lanes_ + members - 1) / members;
    }

  private:
    const std::vector<int>& members_on(int host) const {
        return layout_.members_on[static_cast<std::size_t>(host)];
    }
    const HostLayout& layout_;
    std::size_t lanes_;
};

/// The end of this member, who holds the lane on its host: as a member of the lane it has the
/// number of the host.
class HostLane final : public MessageCarrier {
  public:
    /// `room`: kept for messages to be taken; lanes of one member share it. All outlive it.
    /// `tag`: the first of `tags` numbers.
    HostLane(HostSteps& steps, const LaneHolders& holders, std::size_t lane, int tag,
             std::vector<std::byte>& room)
        : steps_(steps), holders_(holders), lane_(lane), tag_(tag), room_(room) {}
    static constexpr int tags = 4;
    /// Of `tags_of_all` numbers, which lanes may share: they come one after the other.
    static int first_tag(std::size_t lane, int tags_of_all) {
        return static_cast<int>(lane * tags % static_cast<std::size_t>(tags_of_all));
    }

    int rank() const override { return steps_.layout().own_host; }
    int size() const override { return steps_.layout().hosts(); }
    void send(const Part& part, int to, int tag) override;
    void receive(const Part& part, int from, int tag) override;
    const std::byte* take(const Part& shape, int from, int tag) override;
    std::unique_ptr<Sending> start_send(const Part& part, int to, int tag) override;
    std::size_t eager_bytes_max() const override;

  private:
    class Started;

    HostSteps& steps_;
    const LaneHolders& holders_;
    std::size_t lane_;
    int tag_;
    std::vector<std::byte>& room_;
};

}  // namespace ipcrun
