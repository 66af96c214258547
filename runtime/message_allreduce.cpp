// SPDX-License-Identifier: Apache-2.0
#include "runtime/message_allreduce.hpp"

#include <algorithm>
#include <new>
#include <numeric>
#include <utility>

#include "base/fail.hpp"
#include "runtime/collective_checks.hpp"
#include "runtime/message_schedules.hpp"
#include "runtime/node_communicator.hpp"
#include "runtime/strided.hpp"

namespace ipcrun {

namespace {

using topology::Algorithm;

// Whether every member is in it once.
bool is_order(std::vector<int> order, int size) {
    std::ranges::sort(order);
    std::vector<int> all(static_cast<std::size_t>(size));
    std::iota(all.begin(), all.end(), 0);
    return order == all;
}

MessagePlan checked(MessagePlan plan, int size) {
    const Algorithm algorithm = plan.algorithm;
    const std::string_view name = topology::name_of(algorithm);
    if (algorithm == Algorithm::flags || algorithm == Algorithm::work_sharing)
        fail(ErrorCode::usage, "allreduce over messages: {} takes none", name);
    if (plan.order.empty()) {
        plan.order.resize(static_cast<std::size_t>(size));
        std::iota(plan.order.begin(), plan.order.end(), 0);
    }
    if (!is_order(plan.order, size))
        fail(ErrorCode::usage, "allreduce by {}: the order does not have each of {} members once",
             name, size);
    const std::size_t wanted = algorithm == Algorithm::tree       ? 1
                               : algorithm == Algorithm::two_tree ? 2
                                                                  : 0;
    if (plan.trees.size() != wanted)
        fail(ErrorCode::usage, "allreduce by {}: there are {} trees, {} are needed", name,
             plan.trees.size(), wanted);
    for (const topology::Tree& tree : plan.trees)
        if (tree.size() != size)
            fail(ErrorCode::usage, "allreduce by {}: a tree has {} members, the communicator {}",
                 name, tree.size(), size);
    return plan;
}

}  // namespace

MessageAllreduce::MessageAllreduce(Communicator& members, MessagePlan plan, Deadline deadline)
    : plan_(checked(std::move(plan), members.size())),
      own_(std::move(*members.split(0, members.rank(), deadline))) {}

void MessageAllreduce::run(const Part& part, Op op, Deadline deadline) {
    Group& group = own_.impl().node().group;
    group.check_usable();
    check_call(Collective::allreduce({&part, 1}, op), own_.rank(), own_.size());
    const auto give_up = [&](ErrorCode code, int culprit, const std::string& why) {
        group.give_up(code, culprit, group.sequence() + 1,
                      fmt::format("allreduce by {}", topology::name_of(plan_.algorithm)), why);
    };
    try {
        if (!is_strided(part)) return run_plan(part, op, deadline);
        const StoragePtr packed = Storage::create(group.heap(), part.dtype, part.count);
        pack(part, packed->data());
        run_plan({packed->data(), part.count, part.dtype}, op, deadline);
        unpack(packed->data(), part);
    } catch (const Error& error) {
        // Others wait for what this member will not send.
        if (group.has_given_up()) throw;
        const bool lost = error.code == ErrorCode::peer_lost;
        give_up(error.code, lost ? error.rank.value_or(group.rank()) : group.rank(), error.what());
    } catch (const std::bad_alloc&) {
        give_up(ErrorCode::system, group.rank(), "not enough memory");
    }
}

void MessageAllreduce::run_plan(const Part& part, Op op, Deadline deadline) {
    CommunicatorCarrier carrier(own_, deadline);
    MessageSteps steps(carrier, part, op, own_.size());
    if (own_.size() == 1) return steps.finish(steps.all());
    switch (plan_.algorithm) {
        case Algorithm::ring:
            return allreduce_around_ring(steps, plan_.order);
        case Algorithm::recursive_doubling:
            return allreduce_by_doubling(steps, plan_.order);
        default:
            return allreduce_along_trees(steps, plan_.trees, plan_.segment_bytes);
    }
}

}  // namespace ipcrun
