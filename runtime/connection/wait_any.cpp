// SPDX-License-Identifier: Apache-2.0
// wait_any of connection.hpp: who may use the links meanwhile, and what to sleep on.
#include <deque>

#include "runtime/connection/connection_impl.hpp"
#include "runtime/connection/links_wait_any.hpp"

namespace ipcrun {

namespace {

MixedSleep mixed_sleep(Neighbourhood& neighbourhood) {
    return {&neighbourhood.impl().doorbell()->bell(), [&neighbourhood](std::span<const int> fds) {
                return std::make_shared<RingWhenReadable>(neighbourhood, fds);
            }};
}

}  // namespace

std::optional<std::size_t> wait_any(std::span<Connection* const> connections, int tag,
                                    std::size_t first, Deadline deadline) {
    // What is closed is found like a message, unless there is one before it.
    std::deque<Connection::Impl::Turn> turns;
    std::vector<Link*> links;
    std::optional<std::size_t> closed;
    for (std::size_t i = 0; i < connections.size() && !closed; ++i) {
        const std::size_t index = (first + i) % connections.size();
        if (connections[index]->is_closed()) {
            closed = index;
            continue;
        }
        turns.emplace_back(connections[index]->impl(), "wait for a message");
        links.push_back(connections[index]->impl().parts.link.get());
    }
    if (closed) {
        if (links.empty()) return closed;
        deadline = Deadline::after(Seconds(0));
    }
    // Links that belong to one neighbourhood, as all that one process waits for do.
    const MixedSleep mixed = connections.empty()
                                 ? MixedSleep{}
                                 : mixed_sleep(*connections[0]->impl().parts.neighbourhood);
    const auto found = wait_any(links, tag, 0, deadline, mixed);
    if (!found) return closed;
    return (first + *found) % connections.size();
}

}  // namespace ipcrun
