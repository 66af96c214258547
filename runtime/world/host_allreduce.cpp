// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_allreduce.hpp"

#include "runtime/combine.hpp"
#include "runtime/parts.hpp"

namespace ipcrun {

HostAllreduce::HostAllreduce(HostSteps& steps, NodeCommunicator& node)
    : steps_(steps), node_(node) {}

void HostAllreduce::run(std::span<const Part> parts, Op op, int tag, CallSite site) {
    const HostLayout& layout = steps_.layout();
    const Op step = op == Op::avg ? Op::sum : op;
    std::vector<StoragePtr> memory;
    std::vector<Part> sums;
    const bool is_leader = layout.local(layout.own) == 0;
    for (const Part& part : parts) {
        memory.push_back(Storage::create(node_.group.heap(), part.dtype, part.count));
        sums.push_back({memory.back()->data(), part.count, part.dtype});
    }
    node_.run(Collective::reduce(parts, is_leader ? sums : std::vector<Part>(), step, 0),
              steps_.deadline(), site);
    if (is_leader) {
        const int hosts = layout.hosts();
        const auto leader = [&](int host) {
            return layout.members_on[static_cast<std::size_t>(host)][0];
        };
        for (const Part& sum : sums) {
            const StoragePtr room = Storage::create(nullptr, sum.dtype, sum.count);
            const Part theirs{room->data(), sum.count, sum.dtype};
            if (layout.own_host == 0) {
                for (int host = 1; host < hosts; ++host) {
                    steps_.receive({&theirs, 1}, leader(host), tag);
                    combine(op, sum, room->data(), Order::mine_first);
                }
                finish_combination(op, sum, layout.size());
                for (int host = 1; host < hosts; ++host)
                    steps_.send({&sum, 1}, leader(host), tag + 1);
            } else {
                steps_.send({&sum, 1}, leader(0), tag);
                steps_.receive({&sum, 1}, leader(0), tag + 1);
            }
        }
    }
    node_.run(Collective::broadcast(sums, 0), steps_.deadline(), site);
    for (std::size_t i = 0; i < sums.size(); ++i)
        scatter(static_cast<const std::byte*>(sums[i].data), parts.subspan(i, 1));
}

}  // namespace ipcrun
