// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a member that sends or receives must know of the others while it does: that nobody has
/// failed, and who has left.

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/group.hpp"
#include "runtime/message.hpp"

namespace ipcrun {

/// A call about messages, for those who read errors.
struct MessageCall {
    enum class Verb : std::uint8_t { send, receive, probe };
    Verb verb;
    int peer;
    int tag;
    CallSite site;

    /// "receive(from rank 3, tag 7) at train.lua:12"; in a group, as it calls its members.
    std::string describe() const;
    std::string describe(const Group& group) const;
    /// "rank 3", or "any of ranks 0-2,4": whom it waits for.
    std::string describe_peers(const Group& group) const;
};

class Lookout {
  public:
    explicit Lookout(Group& group);

    /// Begins a call; `call` is borrowed until end(). Throws why the communicator is unusable.
    void begin(const MessageCall& call) {
        call_ = &call;
        group_.check_usable();
        check();
    }
    void end() { call_ = nullptr; }
    /// One more that messages' faults are counted by.
    void count() { ++calls_; }
    void pass(FaultPoint point) const { group_.faults().at(point, calls_); }

    /// Throws, by Group::give_up, when a member has failed or given up. Cost: a load.
    void check() {
        if (group_.alert() != alert_seen_) [[unlikely]]
            look_around();
    }

    /// Has `member` left in good order? As of the last look.
    bool has_departed(int member) const { return departed_[member]; }
    /// Can nobody come from `peer` (or any_source) any more?
    bool is_forsaken(int peer) const;

    /// Waits for `condition`, which may not throw: true. Also true when somebody departs; false
    /// when the deadline passes. Throws when a member fails.
    template <typename Condition>
    bool wait(Deadline deadline, Condition condition) {
        const int departures = departures_;
        return group_.wait(
            group_.member(group_.rank()).mail, alert_seen_, deadline,
            [&] { return condition() || departures_ != departures; }, [this] { look_around(); });
    }

    Error lost(const MessageCall& call, int peer) const;
    Error timed_out(const MessageCall& call) const;

    Group& group() const { return group_; }

  private:
    void look_around();

    Group& group_;
    std::uint32_t alert_seen_;
    std::vector<bool> departed_;
    int departures_ = 0;
    std::uint32_t calls_ = 0;
    const MessageCall* call_ = nullptr;
};

}  // namespace ipcrun
