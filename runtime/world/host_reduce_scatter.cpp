// SPDX-License-Identifier: Apache-2.0
// Those of a host combine all blocks first; then each host gets its own from all others, which is
// the least that can travel.
#include "runtime/combine.hpp"
#include "runtime/world/host_blocks.hpp"

namespace ipcrun {

namespace {

// Received while the one before is combined.
class Contribution {
  public:
    Contribution(const HostOperation& operation, const Part& shape)
        : operation_(operation), memory_(operation.memory(shape.dtype, shape.count)) {}
    void expect(int from) {
        from_ = from;
        const Part room{memory_->data(), memory_->count(), memory_->dtype()};
        receiving_ = operation_.steps.start_receive(std::span<const Part>(&room, 1), from,
                                                    operation_.tag(HostOperation::blocks));
    }
    const std::byte* take() {
        operation_.steps.wait(*receiving_, from_);
        receiving_.reset();
        return memory_->data();
    }

  private:
    const HostOperation& operation_;
    StoragePtr memory_;
    int from_ = -1;
    HostSteps::ReceivingPtr receiving_;
};

// Combines into `own` what the other hosts have for this one, and gives them theirs.
void combine_over_hosts(const HostOperation& operation, const std::vector<Part>& by_host, Op op) {
    const int own = operation.own_host(), hosts = operation.hosts();
    const Part& mine = by_host[static_cast<std::size_t>(own)];
    Contribution contributions[] = {{operation, mine}, {operation, mine}};
    const auto source = [&](int step) { return operation.leader_of((own + hosts - step) % hosts); };
    contributions[1].expect(source(1));
    for (int step = 1; step < hosts; ++step) {
        const int target = (own + step) % hosts;
        const Part& theirs = by_host[static_cast<std::size_t>(target)];
        const auto sending = operation.steps.start_send({&theirs, 1}, operation.leader_of(target),
                                                        operation.tag(HostOperation::blocks));
        if (step + 1 < hosts) contributions[(step + 1) % 2].expect(source(step + 1));
        combine(op, mine, contributions[step % 2].take(), Order::mine_first);
        operation.steps.wait(*sending, operation.leader_of(target));
    }
}

}  // namespace

void reduce_scatter_over_hosts(const HostOperation& operation, const Collective& collective,
                               const BlockCounts& counts) {
    const HostLayout& layout = operation.layout;
    const Part& to = collective.to[0];
    const Op op = collective.op;
    const PackedParts from(operation, collective.from, true);
    const Blocks blocks(layout, from.parts()[0], counts);
    std::vector<Part> given;  // host after host
    for (int host = 0; host < operation.hosts(); ++host)
        for (const Part& part : blocks.of_host(host)) given.push_back(part);
    const auto share_out = [&](const Part& whole) {
        operation.run_here(collective.varying ? Collective::scatterv(whole, to, 0)
                                              : Collective::scatter(whole, to, 0));
    };
    if (!operation.is_leader()) {
        operation.run_here(Collective::reduce(given, {}, step_of(op), 0));
        return share_out({nullptr, 0, to.dtype});
    }
    const StoragePtr memory = operation.memory(to.dtype, from.parts()[0].count);
    const std::size_t element = size_of(to.dtype);
    std::byte* next = memory->data();
    std::vector<Part> sums = given, by_host;
    for (Part& part : sums) {
        part.data = next;
        next += part.bytes();
    }
    next = memory->data();
    for (int host = 0; host < operation.hosts(); ++host) {
        by_host.push_back({next, blocks.count_of_host(host), to.dtype});
        next += by_host.back().count * element;
    }
    operation.run_here(Collective::reduce(given, sums, step_of(op), 0));
    combine_over_hosts(operation, by_host, op);
    const Part& mine = by_host[static_cast<std::size_t>(operation.own_host())];
    finish_combination(op, mine, layout.size());
    share_out(mine);
}

}  // namespace ipcrun
