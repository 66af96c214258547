// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/group_watch.hpp"

#include "runtime/connection/connection_impl.hpp"

namespace ipcrun {

namespace {

// Of a process that is no child of this one it cannot be known how it ended. It counts as exited:
// it may have ended right after its part of what others are about to finish; what it has not done
// its part of fails all the same. Several may see the same end.
void mark_ended(const ControlSegment& control, int rank) {
    if (control.rank(rank).state.load() != RankState::exited) control.mark_ended(rank, 0);
}

}  // namespace

void mark_left(const ControlSegment& control, int rank) {
    for (const RankState before : {RankState::absent, RankState::joined}) {
        RankState state = before;
        if (control.rank(rank).state.compare_exchange_strong(state, RankState::left))
            return control.raise_alert();
    }
}

GroupWatch::~GroupWatch() {
    // In a child after fork() nobody watches.
    if (!guard_.is_ours()) return;
    for (const auto& [connection, id] : watched_) connection->impl().forget_end(id);
}

void GroupWatch::add(const std::shared_ptr<Connection>& connection, int rank,
                     std::vector<int> fellows) {
    const auto watch = [&](std::function<void()> callback, PeerEnd what) {
        watched_.emplace_back(connection, 0);
        watched_.back().second = connection->impl().on_end(std::move(callback), what);
    };
    // First: who has ended has not left.
    watch(
        [memory = memory_, rank, fellows = std::move(fellows)] {
            mark_ended(memory->control(), rank);
            for (const int fellow : fellows) mark_ended(memory->control(), fellow);
        },
        PeerEnd::process);
    // A process that has closed its end may still be in the middle of a copy.
    watch([memory = memory_, rank] { mark_left(memory->control(), rank); }, PeerEnd::connection);
}

}  // namespace ipcrun
