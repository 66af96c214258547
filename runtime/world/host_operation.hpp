// SPDX-License-Identifier: Apache-2.0
#pragma once
/// One collective operation of members on several hosts while it runs: what each of its steps needs
/// to know, and the order in which hosts hear of each other.

#include <optional>
#include <vector>

#include "runtime/node_communicator.hpp"
#include "runtime/world/host_layout.hpp"
#include "runtime/world/host_steps.hpp"

namespace ipcrun {

/// Borrows all; for one call.
struct HostOperation {
    /// What messages of one operation are told apart by, beside who sends them.
    enum Tag : int { agreement, disagreement, counts, blocks, up, down, own_tags = 16 };

    HostSteps& steps;
    NodeCommunicator& node;
    const HostLayout& layout;
    int first_tag;  ///< of those that are this operation's alone
    CallSite site;

    bool is_deterministic() const { return node.group.identity().is_deterministic; }
    /// Must values be combined in the order of members, for where they are would show otherwise?
    bool keeps_order(const Collective& collective) const;
    int tag(Tag which) const { return first_tag + which; }
    /// A step of those on this host.
    void run_here(const Collective& collective) const {
        run_here(collective, steps.here_deadline());
    }
    void run_here(const Collective& collective, Deadline deadline) const {
        steps.leave();
        node.run(collective, deadline, site);
    }
    /// Uninitialised memory that all on this host can address, while the heap has room.
    StoragePtr memory(Dtype dtype, std::size_t count) const {
        return Storage::create(node.group.heap(), dtype, count);
    }
    int hosts() const { return layout.hosts(); }
    int own_host() const { return layout.own_host; }
    /// Who speaks for a host where nothing else matters: its first member.
    int leader_of(int host) const { return layout.members_on[static_cast<std::size_t>(host)][0]; }
    bool is_leader() const { return layout.local(layout.own) == 0; }
    /// Who speaks for a host in an operation with a root: the root itself where it is.
    int speaker_of(int host, int root) const {
        return host == layout.host_of[static_cast<std::size_t>(root)] ? root : leader_of(host);
    }
    int own_speaker(int root) const { return speaker_of(own_host(), root); }
};

/// A place in the binomial tree of hosts, in members that speak for them.
struct HostTreePlace {
    std::optional<int> parent;  ///< nullopt: the root
    std::vector<int> children;  ///< those with few below them first
};
HostTreePlace binomial_place(const HostOperation& operation, int root);

/// Parts whose elements lie side by side: those given, or copies of strided ones.
class PackedParts {
  public:
    /// `load`: what they hold now matters.
    PackedParts(const HostOperation& operation, std::span<const Part> parts, bool load);

    std::span<const Part> parts() const { return packed_; }
    /// Puts what they hold where it belongs.
    void store() const;

  private:
    std::vector<Part> given_, packed_;
    std::vector<StoragePtr> copies_;  // of strided parts, in order
};

/// All elements of parts that are not strided, in pieces of some bytes, in order: those worth
/// sending by themselves, so that they travel on while later ones come.
std::vector<Part> pieces_of(std::span<const Part> parts, std::size_t piece_bytes);

/// An average is a sum until its end.
constexpr Op step_of(Op op) {
    return op == Op::avg ? Op::sum : op;
}

}  // namespace ipcrun
