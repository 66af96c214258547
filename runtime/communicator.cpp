// SPDX-License-Identifier: Apache-2.0
#include "runtime/communicator.hpp"

#include "base/fail.hpp"
#include "runtime/communicator_blocks.hpp"
#include "runtime/communicator_impl.hpp"
#include "runtime/member_tree.hpp"

namespace ipcrun {

namespace {

// Members that are not missed when they end cannot be waited for by all.
void check_collectives(const Communicator::Impl& impl, const Collective& collective) {
    if (impl.group.survives_ends()) [[unlikely]]
        fail(ErrorCode::usage, "{}: this communicator is for messages only",
             name_of(collective.kind));
}

}  // namespace

Communicator::Impl::Departure::~Departure() {
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

Communicator::Communicator(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Communicator::Communicator(Communicator&&) noexcept = default;
Communicator& Communicator::operator=(Communicator&&) noexcept = default;
Communicator::~Communicator() = default;

int Communicator::rank() const {
    return impl_->group.rank();
}

int Communicator::size() const {
    return impl_->group.size();
}

std::span<const int> Communicator::members() const {
    return impl_->group.identity().members;
}

const topology::Tree& Communicator::Impl::tree() {
    if (!tree_) tree_ = tree_of_members(group);
    return *tree_;
}

TreePlace Communicator::tree_place(int member) const {
    if (member < 0 || member >= size())
        fail(ErrorCode::usage, "tree_place: there is no member {}; members are 0 to {}", member,
             size() - 1);
    const topology::Tree& tree = impl_->tree();
    return {tree.parent[static_cast<std::size_t>(member)], tree.children_of(member)};
}

void Communicator::run(const Collective& collective, Deadline deadline, CallSite site) {
    check_collectives(*impl_, collective);
    impl_->collectives.run(collective, deadline, site);
}

void Communicator::send(std::span<const Part> parts, int to, int tag, Deadline deadline,
                        CallSite site) {
    impl_->mailbox.send(parts, to, tag, deadline, site);
}

Envelope Communicator::receive(std::span<const Part> parts, int from, int tag, Deadline deadline,
                               CallSite site) {
    return impl_->mailbox.receive(parts, from, tag, deadline, site);
}

Message Communicator::receive_message(int from, int tag, Deadline deadline, CallSite site) {
    return impl_->mailbox.receive_message(from, tag, deadline, site);
}

Envelope Communicator::probe(int from, int tag, Deadline deadline, CallSite site) {
    return impl_->mailbox.probe(from, tag, deadline, site);
}

std::optional<Envelope> Communicator::test_message(int from, int tag, CallSite site) {
    return impl_->mailbox.test_message(from, tag, site);
}

Request Communicator::start_send(std::span<const Part> parts, int to, int tag, CallSite site) {
    return impl_->mailbox.start_send(parts, to, tag, site);
}

Request Communicator::start_receive(std::span<const Part> parts, int from, int tag, CallSite site) {
    return impl_->mailbox.start_receive(parts, from, tag, site);
}

void Communicator::set_lag(std::size_t bytes) {
    impl_->mailbox.set_lag(bytes);
}

Request Communicator::start(const Collective& collective, Deadline deadline, CallSite site) {
    check_collectives(*impl_, collective);
    return impl_->collectives.start(collective, deadline, site);
}

}  // namespace ipcrun
