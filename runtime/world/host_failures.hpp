// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What becomes of everybody when a member of a communicator over hosts is lost or gives up: each
/// finds out who was the first and why, tells those who wait for it, and leaves.

#include <memory>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "runtime/node_communicator.hpp"
#include "runtime/world/host_layout.hpp"
#include "runtime/world/host_steps.hpp"
#include "runtime/world/wires.hpp"

namespace ipcrun {

class HostFailures {
  public:
    /// All outlive it.
    HostFailures(Wires& wires, const HostLayout& layout, NodeCommunicator& node, HostSteps& steps)
        : wires_(wires), layout_(layout), node_(node), steps_(steps) {}
    HostFailures(const HostFailures&) = delete;

    /// Throws why nothing works any more, if that is so.
    void check_usable() const;
    /// This member cannot go on, for `error` happened in the operation `call`. Throws what it, and
    /// every later check_usable(), throws: the first cause that is known.
    [[noreturn]] void give_up(const std::string& call, const Error& error);
    bool has_given_up() const { return failure_ != nullptr; }

    /// Of messages that tell why somebody has given up; no operation has it.
    static constexpr int notice_tag = 0x7fff'ffff;

  private:
    /// What others are told.
    struct Cause {
        ErrorCode code;    // timeout, or peer_lost
        int culprit;       // a member
        std::string text;  // "rank 5 on host h2 failed: signal 9 (Killed)"
    };
    struct Notice;

    bool is_own(const Error& error) const;
    Cause find_cause(const Error& error);
    std::optional<Cause> hear_notice(int member);
    std::optional<Cause> find_ended(int victim);
    std::optional<Cause> read_note(int member);
    bool has_failed(int member) const;
    std::string end_of(int member) const;
    std::string name_of(int member) const;
    void tell_here(const Cause& cause);
    void tell_others(const Cause& cause);
    std::string reason_of(const Error& error) const;

    Wires& wires_;
    const HostLayout& layout_;
    NodeCommunicator& node_;
    HostSteps& steps_;
    std::unique_ptr<Error> failure_;
};

}  // namespace ipcrun
