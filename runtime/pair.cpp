// SPDX-License-Identifier: Apache-2.0
#include "runtime/pair.hpp"

#include "base/environment.hpp"

namespace ipcrun {

namespace {

std::unique_ptr<NodeCommunicator> connect(const std::shared_ptr<Heap>& heap, int rank) {
    Identity identity;
    identity.members = {Pair::parent, Pair::child};
    identity.rank = rank;
    identity.block_offset = heap->memory()->control().header().world_offset;
    identity.ends_are_departures = true;
    Faults faults;
    if (const auto text = environment_variable("IPCRUN_FAULT")) faults = Faults(*text, rank);
    return std::make_unique<NodeCommunicator>(heap, std::move(identity), std::move(faults));
}

}  // namespace

Pair::Pair(UniqueFd control, UniqueFd heap, std::shared_ptr<Doorbell> doorbell, int rank)
    : heap_(std::make_shared<Heap>(
          std::make_shared<NodeMemory>(std::move(control), std::move(heap), std::move(doorbell)),
          rank)),
      communicator_(connect(heap_, rank)) {}

}  // namespace ipcrun
