// SPDX-License-Identifier: Apache-2.0
#include "runtime/communicator.hpp"

#include "base/fail.hpp"
#include "runtime/node_communicator.hpp"

namespace ipcrun {

Communicator::Communicator(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Communicator::Communicator(Communicator&&) noexcept = default;
Communicator& Communicator::operator=(Communicator&&) noexcept = default;
Communicator::~Communicator() = default;

int Communicator::rank() const {
    return impl_->rank();
}

int Communicator::size() const {
    return impl_->size();
}

std::span<const int> Communicator::members() const {
    return impl_->members();
}

bool Communicator::shares_memory() const {
    return impl_->node().size() == size();
}

TreePlace Communicator::tree_place(int member) const {
    if (member < 0 || member >= size())
        fail(ErrorCode::usage, "tree_place: there is no member {}; members are 0 to {}", member,
             size() - 1);
    return impl_->tree_place(member);
}

void Communicator::run(const Collective& collective, Deadline deadline, CallSite site) {
    impl_->run(collective, deadline, site);
}

void Communicator::send(std::span<const Part> parts, int to, int tag, Deadline deadline,
                        CallSite site) {
    impl_->send(parts, to, tag, deadline, site);
}

Envelope Communicator::receive(std::span<const Part> parts, int from, int tag, Deadline deadline,
                               CallSite site) {
    return impl_->receive(parts, from, tag, deadline, site);
}

Message Communicator::receive_message(int from, int tag, Deadline deadline, CallSite site) {
    return impl_->receive_message(from, tag, deadline, site);
}

Envelope Communicator::probe(int from, int tag, Deadline deadline, CallSite site) {
    return impl_->probe(from, tag, deadline, site);
}

std::optional<Envelope> Communicator::test_message(int from, int tag, CallSite site) {
    return impl_->test_message(from, tag, site);
}

Request Communicator::start_send(std::span<const Part> parts, int to, int tag, CallSite site) {
    return impl_->start_send(parts, to, tag, site);
}

Request Communicator::start_receive(std::span<const Part> parts, int from, int tag, CallSite site) {
    return impl_->start_receive(parts, from, tag, site);
}

void Communicator::set_lag(std::size_t bytes) {
    impl_->set_lag(bytes);
}

Request Communicator::start(const Collective& collective, Deadline deadline, CallSite site) {
    return impl_->start(collective, deadline, site);
}

}  // namespace ipcrun
