// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a Communicator is made of.

#include "runtime/collectives.hpp"
#include "runtime/communicator.hpp"
#include "runtime/group.hpp"
#include "runtime/mailbox.hpp"

namespace ipcrun {

struct Communicator::Impl {
    Impl(std::shared_ptr<Heap> heap, Identity identity, Faults faults = {},
         AskForEnd ask_for_end = {})
        : group(std::move(heap), std::move(identity), std::move(faults), std::move(ask_for_end)),
          mailbox(group),
          collectives(group) {}

    Group group;
    // What is left when the engines are gone: the last member frees the communicator's memory.
    struct Departure {
        Group& group;
        ~Departure();
    } departure{group};
    Mailbox mailbox;
    Collectives collectives;
};

}  // namespace ipcrun
