// SPDX-License-Identifier: Apache-2.0
// Communicators from communicators.
#include <algorithm>

#include "base/fail.hpp"
#include "runtime/communicator_blocks.hpp"
#include "runtime/communicator_impl.hpp"

namespace ipcrun {

namespace {

// Tells the exchanges of split from an allgather that looks the same.
constexpr std::uint64_t wishes_layout = 0x7370'6c69'7431'0001;
constexpr std::uint64_t grants_layout = 0x7370'6c69'7432'0001;

struct Wish {
    std::int32_t colour;
    std::int32_t key;
};

template <typename T>
std::vector<T> exchange(Communicator& parent, T own, std::uint64_t layout, Deadline deadline,
                        CallSite site) {
    std::vector<T> all(static_cast<std::size_t>(parent.size()));
    const Part from{&own, sizeof own, Dtype::u8};
    const Part to{all.data(), all.size() * sizeof own, Dtype::u8};
    Collective collective = Collective::allgather(from, to);
    collective.layout = layout;
    collective.splits = true;
    parent.run(collective, deadline, site);
    return all;
}

}  // namespace

std::optional<Communicator> Communicator::split(int colour, int key, Deadline deadline,
                                                CallSite site) {
    return split_into(colour, key, 0, deadline, site);
}

// `meaning` tells what the colour is, for all members must mean the same.
std::optional<Communicator> Communicator::split_into(int colour, int key, std::uint64_t meaning,
                                                     Deadline deadline, CallSite site) {
    Group& group = impl_->group;
    const auto wishes = exchange(*this, Wish{colour, key}, wishes_layout + meaning, deadline, site);
    std::vector<int> ours;  // ranks here of those with our colour, in the order they will have
    for (int rank = 0; rank < size() && colour >= 0; ++rank)
        if (wishes[rank].colour == colour) ours.push_back(rank);
    std::stable_sort(ours.begin(), ours.end(),
                     [&](int a, int b) { return wishes[a].key < wishes[b].key; });
    BlockGrant grant{};
    const bool leads = !ours.empty() && ours[0] == rank();
    if (leads) grant = take_block(group.control(), static_cast<int>(ours.size()));
    group.faults().at(FaultPoint::in_split, group.sequence());
    const auto grants = exchange(*this, grant, grants_layout, deadline, site);
    if (ours.empty()) return std::nullopt;
    grant = grants[ours[0]];
    if (grant.offset == 0)
        fail(ErrorCode::system,
             "split: no room for one more communicator of {} ranks; close some of the others",
             ours.size());
    Identity identity;
    identity.id = grant.id;
    identity.block_offset = grant.offset;
    for (const int member : ours) identity.members.push_back(group.identity().members[member]);
    identity.rank = static_cast<int>(std::find(ours.begin(), ours.end(), rank()) - ours.begin());
    auto made = std::make_unique<Impl>(group.heap(), std::move(identity), group.faults(),
                                       group.ask_for_end());
    made->group.waiter().report_with(group.waiter());
    return Communicator(std::move(made));
}

Communicator Communicator::split(Locality locality, Deadline deadline, CallSite site) {
    const RankSlot& own = impl_->group.slot(rank());
    const std::uint32_t place = locality == Locality::numa ? own.place.numa
                                : locality == Locality::l3 ? own.place.last_level_cache
                                                           : 0;
    const auto meaning = static_cast<std::uint64_t>(locality) + 1;
    return std::move(*split_into(static_cast<int>(place), 0, meaning, deadline, site));
}

}  // namespace ipcrun
