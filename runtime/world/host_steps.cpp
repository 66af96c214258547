// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_steps.hpp"

#include "base/fail.hpp"

namespace ipcrun {

HostSteps::HostSteps(Wires& wires, const HostLayout& layout, NodeCommunicator& node,
                     std::uint32_t context)
    : wires_(wires),
      layout_(layout),
      node_(node),
      remote_(std::in_place, wires.peers(), context, layout.ranks, layout.own),
      alert_seen_(node.group.alert() - 1),
      bells_{&node.group.member(node.group.rank()).mail, &wires.bell()} {}

template <typename Operation>
void HostSteps::wait_for(const Operation& operation, int other) {
    Group& group = node_.group;
    wires_.look();
    while (!operation.is_done()) {
        const std::uint32_t alert = group.alert();
        if (alert != alert_seen_) {
            group.waiter().report_if_asked();
            node_.mailbox.progress();  // throws when a member here has failed
            wires_.peers()->look_for_ends();
            alert_seen_ = alert;
        }
        const auto look = [&] {
            wires_.look();
            return operation.is_done();
        };
        if (group.waiter().meet(alert, look)) continue;
        if (!wires_.sleep(alert, abroad_deadline_, look))
            (void)group.waiter().sleep(bells_, alert, abroad_deadline_, look);
        if (operation.is_done() || !abroad_deadline_.has_passed()) continue;
        const int rank = layout_.ranks[static_cast<std::size_t>(other)];
        throw Error(ErrorCode::timeout,
                    fmt::format("timed out waiting for {}", wires_.name_of(rank)), 0, other);
    }
    if (const Error* const error = operation.error()) throw Error(*error);
}

void HostSteps::wait(const RemoteMailbox::Sending& sending, int to) {
    wait_for(sending, to);
}

void HostSteps::wait(const RemoteMailbox::Receiving& receiving, int from) {
    wait_for(receiving, from);
}

void HostSteps::send(std::span<const Part> parts, int to, int tag) {
    wait(*start_send(parts, to, tag), to);
}

void HostSteps::receive(std::span<const Part> parts, int from, int tag) {
    wait(*start_receive(parts, from, tag), from);
}

Message HostSteps::receive_message(int from, int tag) {
    const ReceivingPtr receiving = start_receive(std::nullopt, from, tag);
    wait(*receiving, from);
    return receiving->take();
}

}  // namespace ipcrun
