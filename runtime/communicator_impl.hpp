// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a Communicator is made of.

#include <optional>

#include "runtime/collectives.hpp"
#include "runtime/communicator.hpp"
#include "runtime/group.hpp"
#include "runtime/mailbox.hpp"
#include "topology/tree/tree.hpp"

namespace ipcrun {

struct Communicator::Impl {
    Impl(std::shared_ptr<Heap> heap, Identity identity, Faults faults = {},
         AskForEnd ask_for_end = {})
        : group(std::move(heap), std::move(identity), std::move(faults), std::move(ask_for_end)),
          mailbox(group),
          collectives(group) {}

    /// Found at the first call; see Communicator::tree_place.
    const topology::Tree& tree();

    Group group;
    // What is left when the engines are gone: the last member frees the communicator's memory.
    struct Departure {
        Group& group;
        ~Departure();
    } departure{group};
    Mailbox mailbox;
    Collectives collectives;

  private:
    std::optional<topology::Tree> tree_;
};

}  // namespace ipcrun
