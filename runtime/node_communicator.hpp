// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A communicator whose members all share one node's memory.

#include <memory>
#include <optional>

#include "runtime/collectives.hpp"
#include "runtime/communicator_impl.hpp"
#include "runtime/group.hpp"
#include "runtime/mailbox.hpp"
#include "topology/tree/tree.hpp"

namespace ipcrun {

class NodeCommunicator final : public Communicator::Impl {
  public:
    NodeCommunicator(std::shared_ptr<Heap> heap, Identity identity, Faults faults = {},
                     AskForEnd ask_for_end = {})
        : group(std::move(heap), std::move(identity), std::move(faults), std::move(ask_for_end)),
          mailbox(group),
          collectives(group) {}

    int rank() const override { return group.rank(); }
    std::span<const int> members() const override {
        const Identity& identity = group.identity();
        return identity.ranks.empty() ? identity.members : identity.ranks;
    }
    TreePlace tree_place(int member) override;

    void run(const Collective& collective, Deadline deadline, CallSite site) override;
    Request start(const Collective& collective, Deadline deadline, CallSite site) override;

    void send(std::span<const Part> parts, int to, int tag, Deadline deadline,
              CallSite site) override {
        mailbox.send(parts, to, tag, deadline, site);
    }
    Envelope receive(std::span<const Part> parts, int from, int tag, Deadline deadline,
                     CallSite site) override {
        return mailbox.receive(parts, from, tag, deadline, site);
    }
    Message receive_message(int from, int tag, Deadline deadline, CallSite site) override {
        return mailbox.receive_message(from, tag, deadline, site);
    }
    Envelope probe(int from, int tag, Deadline deadline, CallSite site) override {
        return mailbox.probe(from, tag, deadline, site);
    }
    std::optional<Envelope> test_message(int from, int tag, CallSite site) override {
        return mailbox.test_message(from, tag, site);
    }
    Request start_send(std::span<const Part> parts, int to, int tag, CallSite site) override {
        return mailbox.start_send(parts, to, tag, site);
    }
    Request start_receive(std::span<const Part> parts, int from, int tag, CallSite site) override {
        return mailbox.start_receive(parts, from, tag, site);
    }
    void set_lag(std::size_t bytes) override { mailbox.set_lag(bytes); }
    bool is_forsaken(int from) const override { return mailbox.is_forsaken(from); }

    Grant grant_part(std::span<const int> members) override;
    std::unique_ptr<Impl> make_part(std::span<const int> members,
                                    std::span<const Grant> grants) override;
    /// The same, where more is to be said of who the members are: `identity` tells that.
    std::unique_ptr<NodeCommunicator> make_node_part(std::span<const int> members,
                                                     const Grant::Block& block, Identity identity);
    int colour_of(Locality locality) const override;
    void pass_split_fault() override;
    NodeCommunicator& node() override { return *this; }

    Group group;
    // What is left when the engines are gone: the last member frees the communicator's memory.
    struct Departure {
        Group& group;
        ~Departure();
    } departure{group};
    Mailbox mailbox;
    Collectives collectives;

  private:
    std::optional<topology::Tree> tree_;  // found at the first call
};

/// Throws the Error of a split that finds no room for one more communicator.
[[noreturn]] void fail_no_room(std::size_t members);

}  // namespace ipcrun
