// SPDX-License-Identifier: Apache-2.0
#include "runtime/communicator.hpp"

#include "runtime/communicator_impl.hpp"

namespace ipcrun {

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

void Communicator::run(const Collective& collective, Deadline deadline, CallSite site) {
    impl_->collectives.run(collective, deadline, site);
}

Request Communicator::start(const Collective& collective, Deadline deadline, CallSite site) {
    return impl_->collectives.start(collective, deadline, site);
}

}  // namespace ipcrun
