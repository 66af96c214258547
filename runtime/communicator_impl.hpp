// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a Communicator is made of.

#include "runtime/collectives.hpp"
#include "runtime/communicator.hpp"
#include "runtime/group.hpp"

namespace ipcrun {

struct Communicator::Impl {
    Impl(std::shared_ptr<Heap> heap, Identity identity, Faults faults = {})
        : group(std::move(heap), std::move(identity), std::move(faults)),
          departure{group},
          collectives(group) {}

    // Lets go of the block when nothing of this member uses it any more.
    struct Departure {
        Group& group;
        ~Departure();
    };

    Group group;
    Departure departure;
    Collectives collectives;
};

}  // namespace ipcrun
