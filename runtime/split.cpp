// SPDX-License-Identifier: Apache-2.0
// Communicators from communicators.
#include <algorithm>
#include <vector>

#include "base/fail.hpp"
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
    const auto wishes = exchange(*this, Wish{colour, key}, wishes_layout + meaning, deadline, site);
    std::vector<int> ours;  // ranks here of those with our colour, in the order they will have
    for (int rank = 0; rank < size() && colour >= 0; ++rank)
        if (wishes[rank].colour == colour) ours.push_back(rank);
    std::stable_sort(ours.begin(), ours.end(),
                     [&](int a, int b) { return wishes[a].key < wishes[b].key; });
    const Impl::Grant own = ours.empty() ? Impl::Grant{} : impl_->grant_part(ours);
    impl_->pass_split_fault();
    const auto grants = exchange(*this, own, grants_layout, deadline, site);
    if (ours.empty()) return std::nullopt;
    return Communicator(impl_->make_part(ours, grants));
}

Communicator Communicator::split(Locality locality, Deadline deadline, CallSite site) {
    const auto meaning = static_cast<std::uint64_t>(locality) + 1;
    return std::move(*split_into(impl_->colour_of(locality), 0, meaning, deadline, site));
}

}  // namespace ipcrun
