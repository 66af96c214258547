// SPDX-License-Identifier: Apache-2.0
#include "runtime/communicator.hpp"

#include "runtime/communicator_blocks.hpp"
#include "runtime/communicator_impl.hpp"

namespace ipcrun {

Communicator::Impl::Departure::~Departure() {
    // The world's block goes with the job, and in a child after fork() nothing here is ours.
    if (group.identity().id == 0 || !group.heap()->is_open()) return;
    const auto departed = group.block().departed.fetch_add(1) + 1;
    if (departed == static_cast<std::uint32_t>(group.size()))
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

void Communicator::run(const Collective& collective, Deadline deadline, CallSite site) {
    impl_->collectives.run(collective, deadline, site);
}

Request Communicator::start(const Collective& collective, Deadline deadline, CallSite site) {
    return impl_->collectives.start(collective, deadline, site);
}

}  // namespace ipcrun
