// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a Communicator is made of.

#include "runtime/collectives.hpp"
#include "runtime/communicator.hpp"
#include "runtime/group.hpp"

namespace ipcrun {

struct Communicator::Impl {
    Impl(std::shared_ptr<Heap> heap, Identity identity, Faults faults = {})
        : group(std::move(heap), std::move(identity), std::move(faults)), collectives(group) {}
    ~Impl();

    Group group;
    Collectives collectives;
};

}  // namespace ipcrun
