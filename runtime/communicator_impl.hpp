// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What is behind a Communicator. There are two kinds: of members that all share one node's memory
/// (node_communicator.hpp), and of members on several hosts (world/hosts_communicator.hpp).

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/communicator.hpp"
#include "runtime/wire/bell.hpp"

namespace ipcrun {

class NodeCommunicator;

/// The calls are those of Communicator, which documents them.
struct Communicator::Impl {
    Impl() = default;
    Impl(const Impl&) = delete;
    virtual ~Impl() = default;

    virtual int rank() const = 0;
    virtual std::span<const int> members() const = 0;
    int size() const { return static_cast<int>(members().size()); }
    /// `member` is one.
    virtual TreePlace tree_place(int member) = 0;

    virtual void run(const Collective& collective, Deadline deadline, CallSite site) = 0;
    virtual Request start(const Collective& collective, Deadline deadline, CallSite site) = 0;

    virtual void send(std::span<const Part> parts, int to, int tag, Deadline deadline,
                      CallSite site) = 0;
    virtual Envelope receive(std::span<const Part> parts, int from, int tag, Deadline deadline,
                             CallSite site) = 0;
    virtual Message receive_message(int from, int tag, Deadline deadline, CallSite site) = 0;
    virtual Envelope probe(int from, int tag, Deadline deadline, CallSite site) = 0;
    virtual std::optional<Envelope> test_message(int from, int tag, CallSite site) = 0;
    virtual Request start_send(std::span<const Part> parts, int to, int tag, CallSite site) = 0;
    virtual Request start_receive(std::span<const Part> parts, int from, int tag,
                                  CallSite site) = 0;
    virtual void set_lag(std::size_t bytes) = 0;
    /// Can nobody send from `from` (or any_source) any more? As of the last call about messages:
    /// what test_message did not find then will not come.
    virtual bool is_forsaken(int from) const = 0;

    /// Takes what a communicator of `members`, one of those that a split makes, needs where this
    /// member leads: as words that all of them hear. See make_part().
    struct Grant {
        struct Block {
            std::uint64_t offset;  ///< in the control segment; 0: there is no room
            std::uint64_t id;
        };
        Block block, second_block;  ///< of those on one host
        std::uint32_t context;      ///< of messages between hosts
        std::uint32_t reserved;     ///< 0: as bytes all of it has a value
    };
    /// `members` are numbers here, in the order they will have there.
    virtual Grant grant_part(std::span<const int> members) = 0;
    /// `grants`: what each member here was granted.
    virtual std::unique_ptr<Impl> make_part(std::span<const int> members,
                                            std::span<const Grant> grants) = 0;
    /// Where this member is, as a colour: see Communicator::split.
    virtual int colour_of(Locality locality) const = 0;
    /// Called between the two steps of a split.
    virtual void pass_split_fault() {}

    /// What its members on this host share.
    virtual NodeCommunicator& node() = 0;
    /// What is rung beside the node's bells when something has come; null: nothing.
    virtual Bell* net_bell() { return nullptr; }
};

}  // namespace ipcrun
