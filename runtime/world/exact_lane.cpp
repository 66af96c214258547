// SPDX-License-Identifier: Apache-2.0
// A lane whose result does not depend on who is where: the values of all members are combined in
// one go, in the order of members, each host doing so for a part of the lane.
#include "runtime/world/host_allreduce.hpp"
#include "runtime/world/host_shares.hpp"

namespace ipcrun {

namespace {

constexpr int tag_values = 0, tag_result = 1;

std::size_t index(int number) {
    return static_cast<std::size_t>(number);
}

// A message that was started, and the list that it borrows.
struct Sent {
    int to;
    std::vector<Part> parts;
    HostSteps::SendingPtr sending;
};

}  // namespace

void HostAllreduce::reduce_lane_exactly(const Turn& turn, const Task& task,
                                        const LaneHolders& holders, std::size_t lane) {
    const HostLayout& layout = steps_.layout();
    const Dtype dtype = turn.segment->dtype;
    const std::size_t element = size_of(dtype);
    const HostShares shares(layout, turn.lanes, turn.segment->count, dtype);
    const Range held = shares.of_member(own_local()), range = shares.of_lane(lane);
    const auto hosts = index(layout.hosts());
    const auto part_of_host = [&](int host) { return range.piece(index(host), hosts); };
    const Range own = part_of_host(layout.own_host);
    const int tag = task.tag + HostLane::first_tag(lane, tags);
    const auto value_of = [&](std::size_t local, Range piece) {
        const std::size_t first = local * held.count() + piece.begin - held.begin;
        return Part{turn.values + first * element, piece.count(), dtype};
    };
    const auto result_of = [&](Range piece) {
        return Part{turn.data + piece.begin * element, piece.count(), dtype};
    };
    const auto for_others = [&](auto work) {
        for (int host = 0; host < layout.hosts(); ++host)
            if (host != layout.own_host) work(host, holders.holder(lane, host));
    };
    std::vector<Sent> all_sent;
    const auto start_send = [&](std::vector<Part> parts, int to, int kind) {
        Sent& sent = all_sent.emplace_back(Sent{to, std::move(parts), nullptr});
        sent.sending = steps_.start_send(sent.parts, to, tag + kind);
    };
    const auto wait_until_sent = [&] {
        for (const Sent& sent : all_sent) steps_.wait(*sent.sending, sent.to);
        all_sent.clear();
    };
    all_sent.reserve(hosts);

    for_others([&](int host, int holder) {
        const Range piece = part_of_host(host);
        if (piece.count() == 0) return;
        std::vector<Part> parts;
        for (std::size_t i = 0; i < layout.here().size(); ++i) parts.push_back(value_of(i, piece));
        start_send(std::move(parts), holder, tag_values);
    });
    std::vector<const std::byte*> sources(index(layout.size()));
    for (std::size_t i = 0; i < layout.here().size(); ++i)
        sources[index(layout.here()[i])] = static_cast<std::byte*>(value_of(i, own).data);
    if (own.count() != 0) {
        room_.resize(std::max(room_.size(), sources.size() * own.count() * element));
        std::byte* to = room_.data();
        for_others([&](int host, int holder) {
            const std::vector<int>& members = layout.members_on[index(host)];
            const Part values{to, members.size() * own.count(), dtype};
            steps_.receive({&values, 1}, holder, tag + tag_values);
            for (const int member : members) {
                sources[index(member)] = to;
                to += own.count() * element;
            }
        });
        std::byte* const destination = turn.data + own.begin * element;
        reduce(task.op, dtype, sources, {&destination, 1}, own.count());
    }
    wait_until_sent();

    for_others([&](int, int holder) {
        if (own.count() != 0) start_send({result_of(own)}, holder, tag_result);
    });
    for_others([&](int host, int holder) {
        const Part result = result_of(part_of_host(host));
        if (result.count != 0) steps_.receive({&result, 1}, holder, tag + tag_result);
    });
    wait_until_sent();
}

}  // namespace ipcrun
