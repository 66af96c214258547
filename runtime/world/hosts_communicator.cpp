// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/hosts_communicator.hpp"

#include <algorithm>

#include "base/fail.hpp"
#include "runtime/communicator_blocks.hpp"
#include "runtime/member_tree.hpp"
#include "runtime/world/host_tree.hpp"

namespace ipcrun {

namespace {

std::size_t index(int number) {
    return static_cast<std::size_t>(number);
}

}  // namespace

HostsCommunicator::HostsCommunicator(HostsParts parts)
    : wires_(std::move(parts.wires)),
      layout_(wires_->table(), std::move(parts.ranks), wires_->rank()),
      node_(std::move(parts.for_messages)),
      messages_(*wires_, layout_, *node_, parts.context) {
    if (parts.for_collectives != nullptr)
        collectives_ =
            std::make_unique<HostCollectives>(*wires_, layout_, std::move(parts.for_collectives),
                                              wires_->second_context(parts.context));
}

HostCollectives& HostsCommunicator::collectives(const Collective& collective) {
    if (collectives_ == nullptr)
        fail(ErrorCode::usage, "{}: this communicator is for messages only",
             name_of(collective.kind));
    return *collectives_;
}

topology::Tree HostsCommunicator::find_tree() const {
    const JobTable& table = wires_->table();
    if (node_->group.identity().is_deterministic) return tree_by_numbers(layout_.size());
    if (layout_.size() < table.ranks()) return tree_over_hosts(layout_);
    return planned_over_hosts(layout_, table.tree_parents());
}

TreePlace HostsCommunicator::tree_place(int member) {
    if (!tree_) tree_ = find_tree();
    return {tree_->parent[index(member)], tree_->children_of(member)};
}

int HostsCommunicator::colour_of(Locality locality) const {
    // Places of a host are numbered from 0 on: those of hosts lie behind each other.
    constexpr int places_max = 1 << 12;
    const int host = wires_->table().host_of(wires_->rank());
    return host * places_max + std::min(node_->colour_of(locality), places_max - 1);
}

Communicator::Impl::Grant HostsCommunicator::grant_part(std::span<const int> members) {
    Grant grant{};
    const auto is_here = [this](int member) { return layout_.is_here(member); };
    const auto here = static_cast<int>(std::ranges::count_if(members, is_here));
    const auto first_here = std::ranges::find_if(members, is_here);
    const bool is_whole = here == static_cast<int>(members.size());
    if (*first_here == rank()) {
        const ControlSegment& control = node_->group.control();
        const BlockGrant messages = take_block(control, here);
        grant.block = {messages.offset, messages.id};
        if (!is_whole && messages.offset != 0) {
            const BlockGrant collectives = take_block(control, here);
            grant.second_block = {collectives.offset, collectives.id};
        }
    }
    if (members[0] == rank() && !is_whole) grant.context = wires_->take_context();
    return grant;
}

std::unique_ptr<Communicator::Impl> HostsCommunicator::make_part(std::span<const int> members,
                                                                 std::span<const Grant> grants) {
    // Of all hosts, so that all members fail together.
    std::vector<bool> has_host(index(layout_.hosts()));
    bool is_whole = true;
    for (const int member : members) is_whole = is_whole && layout_.is_here(member);
    for (const int member : members) {
        const int host = layout_.host_of[index(member)];
        if (has_host[index(host)]) continue;
        has_host[index(host)] = true;
        const Grant& grant = grants[index(member)];
        if (grant.block.offset == 0 || (!is_whole && grant.second_block.offset == 0))
            fail_no_room(members.size());
    }
    std::vector<int> here;
    const Grant* granted = nullptr;  // by who leads here
    for (const int member : members) {
        if (!layout_.is_here(member)) continue;
        if (granted == nullptr) granted = &grants[index(member)];
        here.push_back(layout_.local(member));
    }
    Identity identity;  // of those here
    for (int number = 0; number < static_cast<int>(members.size()); ++number) {
        const int member = members[index(number)];
        if (!layout_.is_here(member)) continue;
        if (!is_whole) identity.called.push_back(number);
        identity.ranks.push_back(layout_.ranks[index(member)]);
    }
    auto node = node_->make_node_part(here, granted->block, identity);
    if (is_whole) return node;
    HostsParts parts{.wires = wires_, .ranks = {}, .context = grants[index(members[0])].context};
    for (const int member : members) parts.ranks.push_back(layout_.ranks[index(member)]);
    parts.for_messages = std::move(node);
    parts.for_collectives = node_->make_node_part(here, granted->second_block, identity);
    return std::make_unique<HostsCommunicator>(std::move(parts));
}

}  // namespace ipcrun
