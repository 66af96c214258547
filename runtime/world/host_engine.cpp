// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_engine.hpp"

#include <algorithm>
#include <new>

#include "runtime/collective_checks.hpp"
#include "runtime/world/exact_reduce.hpp"
#include "runtime/world/host_alltoall.hpp"
#include "runtime/world/host_blocks.hpp"
#include "runtime/world/host_counts.hpp"
#include "runtime/world/host_reduce.hpp"

namespace ipcrun {

namespace {

using Kind = Collective::Kind;

// Messages of operations that may be under way at once on different members have different tags.
constexpr int tags = HostOperation::own_tags + HostAllreduce::tags;
constexpr std::uint32_t tag_sets = 1 << 16;

// How often it is worth to yield to others before sleep, measured with eight ranks a CPU. With few
// turns nobody is kept from a CPU for long; with many bytes a wait takes longer than all of them.
int turns_for(std::size_t bytes) {
    return bytes <= (4 << 10) ? 16 : bytes <= (128 << 10) ? 48 : 0;
}

std::size_t bytes_of(std::span<const Part> parts) {
    std::size_t bytes = 0;
    for (const Part& part : parts) bytes += part.bytes();
    return bytes;
}

}  // namespace

HostEngine::HostEngine(Wires& wires, const HostLayout& layout, NodeCommunicator& node,
                       std::uint32_t context)
    : layout_(layout),
      node_(node),
      steps_(wires, layout, node, context),
      allreduce_(steps_, node, node.group.identity().is_deterministic),
      failures_(wires, layout, node, steps_) {}

void HostEngine::check(const Collective& collective) const {
    check_call(collective, layout_.own, layout_.size());
}

void HostEngine::run(const Collective& collective, Deadline deadline, CallSite site) {
    check_usable();
    check(collective);
    steps_.begin(deadline);
    const int first_tag = static_cast<int>(sequence_++ % tag_sets) * tags;
    node_.group.waiter().limit_yields(
        turns_for(std::max(bytes_of(collective.from), bytes_of(collective.to))));
    const auto leaving = steps_.leaving();
    const HostOperation operation{steps_, node_, layout_, first_tag, site};
    try {
        if (agreement_.settle(operation, collective)) return;
        allreduce_.choice().set_one_machine(agreement_.is_one_machine());
        move(operation, collective);
    } catch (const Error& error) {
        // Of a disagreement all members know.
        if (error.code == ErrorCode::mismatch) throw;
        give_up(collective, site, error);
    } catch (const std::bad_alloc&) {
        give_up(collective, site, Error(ErrorCode::system, "not enough memory"));
    }
}

void HostEngine::give_up(const Collective& collective, CallSite site, const Error& error) {
    failures_.give_up(
        fmt::format("{} at {}:{}", describe(fingerprint_of(collective)), site.file, site.line),
        error);
}

void HostEngine::move(const HostOperation& operation, const Collective& collective) {
    switch (collective.kind) {
        case Kind::barrier:
            return;
        case Kind::allreduce:
            return allreduce_.run(collective.to, collective.op,
                                  operation.first_tag + HostOperation::own_tags, operation.site);
        case Kind::broadcast:
            return broadcast_over_hosts(operation, collective.to, collective.root);
        case Kind::reduce:
            if (operation.keeps_order(collective))
                return reduce_exactly_over_hosts(operation, collective);
            return reduce_over_hosts(operation, collective.from, collective.to, collective.op,
                                     collective.root);
        case Kind::reduce_scatter:
            if (operation.keeps_order(collective))
                return reduce_scatter_exactly_over_hosts(operation, collective,
                                                         find_block_counts(operation, collective));
            return reduce_scatter_over_hosts(operation, collective,
                                             find_block_counts(operation, collective));
        case Kind::allgather:
            return allgather_over_hosts(operation, collective,
                                        find_block_counts(operation, collective));
        case Kind::gather:
            return gather_over_hosts(operation, collective,
                                     find_block_counts(operation, collective));
        case Kind::scatter:
            return scatter_over_hosts(operation, collective,
                                      find_block_counts(operation, collective));
        case Kind::alltoall: {
            const Part& from = collective.from[0];
            const Part& to = collective.to[0];
            if (collective.varying) {
                verify_alltoall_counts(operation, collective);
                return alltoall_over_hosts(operation, from, to,
                                           {collective.from_counts, collective.to_counts});
            }
            const auto size = static_cast<std::size_t>(layout_.size());
            const std::vector<std::size_t> counts(size, from.count / size);
            return alltoall_over_hosts(operation, from, to, {counts, counts});
        }
    }
}

}  // namespace ipcrun
