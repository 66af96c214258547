// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_allreduce.hpp"

#include <algorithm>
#include <array>

#include "runtime/collective_checks.hpp"
#include "runtime/world/host_shares.hpp"

namespace ipcrun {

namespace {

std::byte* at(std::byte* data, Dtype dtype, std::size_t elements) {
    return data + elements * size_of(dtype);
}

}  // namespace

HostAllreduce::HostAllreduce(HostSteps& steps, NodeCommunicator& node, bool is_deterministic)
    : steps_(steps),
      node_(node),
      is_deterministic_(is_deterministic),
      choice_(steps.layout()),
      buffers_(2 * turns) {}

void HostAllreduce::run(std::span<const Part> parts, Op op, int tag, CallSite site) {
    const Task task{op, tag, site};
    const auto segments = cut_in_segments(parts, choice_.segment_bytes());
    if (segments.size() > 1) return run_overlapping(segments, task);
    if (segments.empty()) return;
    const auto run_now = [&](const Collective& collective) {
        steps_.leave();
        node_.run(collective, steps_.here_deadline(), site);
    };
    Turn turn;
    begin(turn, 0, segments[0], task);
    reduce_here(turn, task, run_now);
    reduce_between(turn, task);
    gather_here(turn, task, run_now);
    end(turn);
}

// While one segment is between hosts, members here who wait reduce the next and gather the last.
void HostAllreduce::run_overlapping(std::span<const HostSegment> segments, const Task& task) {
    std::array<Turn, turns> all;
    const auto start_into = [&](Request& request) {
        return [&](const Collective& collective) {
            request = node_.start(collective, steps_.here_deadline(), task.site);
        };
    };
    // The operations have the deadline themselves.
    for (std::size_t i = 0; i < segments.size() + 2; ++i) {
        if (i < segments.size()) {
            Turn& turn = all[i % turns];
            begin(turn, i % turns, segments[i], task);
            reduce_here(turn, task, start_into(turn.reduced));
        }
        if (i >= 1 && i - 1 < segments.size()) {
            Turn& turn = all[(i - 1) % turns];
            steps_.leave();
            (void)turn.reduced.wait();
            reduce_between(turn, task);
            gather_here(turn, task, start_into(turn.gathered));
        }
        if (i >= 2) {
            Turn& turn = all[(i - 2) % turns];
            steps_.leave();
            (void)turn.gathered.wait();
            end(turn);
        }
    }
}

void HostAllreduce::begin(Turn& turn, std::size_t number, const HostSegment& segment,
                          const Task& task) {
    turn = {};
    turn.segment = &segment;
    turn.is_exact = is_deterministic_ && depends_on_order(task.op, segment.dtype);
    turn.lanes = choice_.lanes(segment.bytes());
    turn.data = segment.in_place();
    if (turn.data == nullptr) {
        turn.data = buffer(number, segment.bytes());
        segment.pack(turn.data);
    }
    if (!turn.is_exact) return;
    const HostShares shares(steps_.layout(), turn.lanes, segment.count, segment.dtype);
    const std::size_t held = shares.of_member(own_local()).count();
    turn.values =
        buffer(turns + number, held * steps_.layout().here().size() * size_of(segment.dtype));
}

void HostAllreduce::end(const Turn& turn) const {
    if (turn.data != turn.segment->in_place()) turn.segment->unpack(turn.data);
}

template <typename Do>
void HostAllreduce::reduce_here(const Turn& turn, const Task& task, Do do_collective) {
    const HostSegment& segment = *turn.segment;
    const std::size_t members = steps_.layout().here().size();
    const Part whole{turn.data, segment.count, segment.dtype};
    const HostShares shares(steps_.layout(), turn.lanes, segment.count, segment.dtype);
    const Range own = shares.of_member(own_local());
    if (turn.is_exact) {
        std::vector<std::size_t> given(members), got(members, own.count());
        for (std::size_t i = 0; i < members; ++i) given[i] = shares.of_member(i).count();
        const Part values{turn.values, members * own.count(), segment.dtype};
        return do_collective(Collective::alltoallv(whole, given, values, got));
    }
    if (members == 1) return;
    // Nothing is finished before all hosts have met.
    const Op op = task.op == Op::avg ? Op::sum : task.op;
    if (turn.lanes == 1) return do_collective(Collective::reduce({&whole, 1}, {&whole, 1}, op, 0));
    const Part share{at(turn.data, segment.dtype, own.begin), own.count(), segment.dtype};
    do_collective(shares.are_equal() ? Collective::reduce_scatter(whole, share, op)
                                     : Collective::reduce_scatterv(whole, share, op));
}

void HostAllreduce::reduce_between(const Turn& turn, const Task& task) {
    const LaneHolders holders(steps_.layout(), turn.lanes);
    const std::size_t end = holders.first_lane(own_local() + 1);
    for (std::size_t lane = holders.first_lane(own_local()); lane < end; ++lane) {
        if (turn.is_exact)
            reduce_lane_exactly(turn, task, holders, lane);
        else
            reduce_lane(turn, task, holders, lane);
    }
}

void HostAllreduce::reduce_lane(const Turn& turn, const Task& task, const LaneHolders& holders,
                                std::size_t lane) {
    const HostSegment& segment = *turn.segment;
    const HostShares shares(steps_.layout(), turn.lanes, segment.count, segment.dtype);
    const Range range = shares.of_lane(lane);
    const Part part{at(turn.data, segment.dtype, range.begin), range.count(), segment.dtype};
    HostLane carrier(steps_, holders, lane, task.tag + HostLane::first_tag(lane, tags), room_);
    MessageSteps steps(carrier, part, task.op, steps_.layout().size());
    allreduce_by_plan(steps, choice_.plan(part.bytes()));
}

template <typename Do>
void HostAllreduce::gather_here(const Turn& turn, const Task&, Do do_collective) {
    if (steps_.layout().here().size() == 1) return;
    const HostSegment& segment = *turn.segment;
    const Part whole{turn.data, segment.count, segment.dtype};
    if (turn.lanes == 1) return do_collective(Collective::broadcast({&whole, 1}, 0));
    const HostShares shares(steps_.layout(), turn.lanes, segment.count, segment.dtype);
    const Range own = shares.of_member(own_local());
    const Part share{at(turn.data, segment.dtype, own.begin), own.count(), segment.dtype};
    do_collective(shares.are_equal() ? Collective::allgather(share, whole)
                                     : Collective::allgatherv(share, whole));
}

std::byte* HostAllreduce::buffer(std::size_t number, std::size_t bytes) {
    StoragePtr& storage = buffers_[number];
    if (bytes == 0) return nullptr;
    if (!storage || storage->bytes() < bytes)
        storage = Storage::create(node_.group.heap(), Dtype::u8, bytes);
    return storage->data();
}

std::size_t HostAllreduce::own_local() const {
    const HostLayout& layout = steps_.layout();
    return static_cast<std::size_t>(layout.local(layout.own));
}

}  // namespace ipcrun
