// SPDX-License-Identifier: Apache-2.0
#include "runtime/node_communicator.hpp"

#include <algorithm>

#include "base/fail.hpp"
#include "runtime/communicator_blocks.hpp"
#include "runtime/member_tree.hpp"

namespace ipcrun {

namespace {

// Members that are not missed when they end cannot be waited for by all.
void check_collectives(const Group& group, const Collective& collective) {
    if (group.survives_ends()) [[unlikely]]
        fail(ErrorCode::usage, "{}: this communicator is for messages only",
             name_of(collective.kind));
}

std::size_t index(int number) {
    return static_cast<std::size_t>(number);
}

}  // namespace

NodeCommunicator::Departure::~Departure() {
    // In a child after fork() nothing here is ours.
    if (!group.heap()->is_open()) return;
    if (group.survives_ends()) {
        // Who ended will not let go of it: such a block goes with the memory that it lies in.
        group.member(group.rank()).closing.store(Closing::closed);
        if (group.size() > 1) group.control().raise_alert();
        return;
    }
    // So does that of the world.
    if (group.identity().id == 0) return;
    const auto size = static_cast<std::uint32_t>(group.size());
    std::atomic<std::uint32_t>& departed = group.block().departed;
    group.member(group.rank()).closing.store(Closing::closed);
    // Others may be waiting for us: who is the last need not tell.
    if (departed.load() + 1 != size) group.control().raise_alert();
    if (departed.fetch_add(1) + 1 != size) return;
    Mailbox::release(group);
    give_block_back(group.control(), group.identity().block_offset, group.size());
}

TreePlace NodeCommunicator::tree_place(int member) {
    if (!tree_)
        tree_ = group.identity().is_deterministic ? tree_by_numbers(group.size())
                                                  : tree_of_members(group);
    return {tree_->parent[static_cast<std::size_t>(member)], tree_->children_of(member)};
}

void NodeCommunicator::run(const Collective& collective, Deadline deadline, CallSite site) {
    check_collectives(group, collective);
    collectives.run(collective, deadline, site);
}

Request NodeCommunicator::start(const Collective& collective, Deadline deadline, CallSite site) {
    check_collectives(group, collective);
    return collectives.start(collective, deadline, site);
}

void fail_no_room(std::size_t members) {
    fail(ErrorCode::system,
         "split: no room for one more communicator of {} ranks; close some of the others", members);
}

Communicator::Impl::Grant NodeCommunicator::grant_part(std::span<const int> members) {
    if (members[0] != rank()) return {};
    const BlockGrant block = take_block(group.control(), static_cast<int>(members.size()));
    Grant grant{};
    grant.block = {block.offset, block.id};
    return grant;
}

std::unique_ptr<Communicator::Impl> NodeCommunicator::make_part(std::span<const int> members,
                                                                std::span<const Grant> grants) {
    Identity identity;
    if (!group.identity().ranks.empty())
        for (const int member : members) identity.ranks.push_back(this->members()[index(member)]);
    return make_node_part(members, grants[index(members[0])].block, std::move(identity));
}

std::unique_ptr<NodeCommunicator> NodeCommunicator::make_node_part(std::span<const int> members,
                                                                   const Grant::Block& block,
                                                                   Identity identity) {
    if (block.offset == 0) fail_no_room(members.size());
    identity.id = static_cast<std::uint32_t>(block.id);
    identity.block_offset = block.offset;
    identity.is_deterministic = group.identity().is_deterministic;
    for (const int member : members)
        identity.members.push_back(group.identity().members[index(member)]);
    identity.rank = static_cast<int>(std::ranges::find(members, rank()) - members.begin());
    auto made = std::make_unique<NodeCommunicator>(group.heap(), std::move(identity),
                                                   group.faults(), group.ask_for_end());
    made->group.waiter().report_with(group.waiter());
    return made;
}

int NodeCommunicator::colour_of(Locality locality) const {
    const RankSlot& own = group.slot(rank());
    return static_cast<int>(locality == Locality::numa ? own.place.numa
                            : locality == Locality::l3 ? own.place.last_level_cache
                                                       : 0);
}

void NodeCommunicator::pass_split_fault() {
    group.faults().at(FaultPoint::in_split, group.sequence());
}

}  // namespace ipcrun
