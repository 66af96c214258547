// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A communicator whose members are on several hosts: what those here share in memory, and messages
/// with the others.

#include <memory>
#include <optional>

#include "runtime/node_communicator.hpp"
#include "runtime/world/host_collectives.hpp"
#include "runtime/world/host_layout.hpp"
#include "runtime/world/host_messages.hpp"
#include "runtime/world/wires.hpp"

namespace ipcrun {

/// What a communicator of several hosts is made of.
struct HostsParts {
    std::shared_ptr<Wires> wires;  ///< shared: by all communicators of this rank
    std::vector<int> ranks;        ///< in the job, by member
    std::uint32_t context;         ///< see Wires::take_context
    /// Of the members on this host, in their order, called by their numbers in the whole. Two, for
    /// collective operations go on in a thread of their own once some are started.
    std::unique_ptr<NodeCommunicator> for_messages, for_collectives;
};

class HostsCommunicator final : public Communicator::Impl {
  public:
    explicit HostsCommunicator(HostsParts parts);

    int rank() const override { return layout_.own; }
    std::span<const int> members() const override { return layout_.ranks; }
    TreePlace tree_place(int member) override;

    void run(const Collective& collective, Deadline deadline, CallSite site) override {
        collectives(collective).run(collective, deadline, site);
    }
    Request start(const Collective& collective, Deadline deadline, CallSite site) override {
        return collectives(collective).start(collective, deadline, site);
    }

    void send(std::span<const Part> parts, int to, int tag, Deadline deadline,
              CallSite site) override {
        messages_.send(parts, to, tag, deadline, site);
    }
    Envelope receive(std::span<const Part> parts, int from, int tag, Deadline deadline,
                     CallSite site) override {
        return messages_.receive(parts, from, tag, deadline, site);
    }
    Message receive_message(int from, int tag, Deadline deadline, CallSite site) override {
        return messages_.receive_message(from, tag, deadline, site);
    }
    Envelope probe(int from, int tag, Deadline deadline, CallSite site) override {
        return messages_.probe(from, tag, deadline, site);
    }
    std::optional<Envelope> test_message(int from, int tag, CallSite site) override {
        return messages_.test_message(from, tag, site);
    }
    Request start_send(std::span<const Part> parts, int to, int tag, CallSite site) override {
        return messages_.start_send(parts, to, tag, site);
    }
    Request start_receive(std::span<const Part> parts, int from, int tag, CallSite site) override {
        return messages_.start_receive(parts, from, tag, site);
    }
    void set_lag(std::size_t bytes) override { messages_.set_lag(bytes); }
    bool is_forsaken(int from) const override { return messages_.is_forsaken(from); }

    Grant grant_part(std::span<const int> members) override;
    std::unique_ptr<Impl> make_part(std::span<const int> members,
                                    std::span<const Grant> grants) override;
    int colour_of(Locality locality) const override;
    void pass_split_fault() override { node_->pass_split_fault(); }

    NodeCommunicator& node() override { return *node_; }
    Bell* net_bell() override { return &wires_->bell(); }

  private:
    HostCollectives& collectives(const Collective& collective);
    topology::Tree find_tree() const;

    std::shared_ptr<Wires> wires_;
    HostLayout layout_;
    std::unique_ptr<NodeCommunicator> node_;
    HostMessages messages_;
    std::unique_ptr<HostCollectives> collectives_;  // null: of a communicator for messages only
    std::optional<topology::Tree> tree_;            // found at the first call
};

}  // namespace ipcrun
