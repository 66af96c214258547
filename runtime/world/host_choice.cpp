// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_choice.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "runtime/message_schedules.hpp"
#include "topology/choice/choice.hpp"
#include "topology/tree/best_tree.hpp"

namespace ipcrun {

namespace {

using topology::Algorithm;

// Of a stream between two ranks that other ranks share the CPUs with: to wake who waits takes
// longer than the way. With less, rings and pipelines of short messages are chosen too early.
constexpr topology::LinkCost stream_cost{.latency_us = 60, .gap_us = 30, .us_per_byte = 0.5e-3};

// What goes through the caches together. Two segments overlap, which costs more than it gains
// before one fills them.
constexpr std::size_t segment_bytes_max = 16 << 20;

// Below this a lane's share is not worth the messages of one more lane; and more lanes than these
// have nothing left to gain on the same cable.
constexpr std::size_t share_bytes_min = 64 << 10;
constexpr std::size_t lanes_max = 4;

}  // namespace

HostChoice::HostChoice(const HostLayout& layout) : hosts_(layout.hosts()) {
    for (const std::vector<int>& members : layout.members_on)
        members_max_ = std::max(members_max_, members.size());
}

void HostChoice::set_one_machine(bool is_one_machine) {
    if (is_one_machine == is_one_machine_) return;
    is_one_machine_ = is_one_machine;
    plans_.clear();
}

std::size_t HostChoice::segment_bytes() const {
    return segment_bytes_max;
}

std::size_t HostChoice::lanes(std::size_t bytes) const {
    return std::clamp<std::size_t>(bytes / share_bytes_min, 1, std::min(members_max_, lanes_max));
}

const MessagePlan& HostChoice::plan(std::size_t bytes) {
    const int bits = std::bit_width(bytes);
    const auto [entry, is_new] = plans_.try_emplace(bits);
    MessagePlan& plan = entry->second;
    if (!is_new) return plan;
    const auto costs =
        topology::flat_costs(hosts_, stream_cost, topology::default_costs().reduce_us_per_byte);
    const double size = std::exp2(bits - 0.5);
    auto best = topology::predict_allreduce(costs, std::nullopt, size)[0];
    // What each saves by working at the same time as the others, it takes from them.
    if (is_one_machine_) best = {.algorithm = Algorithm::tree, .segments = 1};
    plan.algorithm = best.algorithm;
    double share = size;
    if (plan.algorithm == Algorithm::tree) {
        plan.trees = {topology::best_tree(costs, {.bytes = size, .bound = false}).tree};
    } else if (plan.algorithm == Algorithm::two_tree) {
        const auto two = topology::best_two_tree(costs, size);
        plan.trees = {two.first, two.second};
        share /= 2;
    } else {
        plan.order.resize(static_cast<std::size_t>(hosts_));
        std::iota(plan.order.begin(), plan.order.end(), 0);
    }
    plan.segment_bytes = static_cast<std::size_t>(std::ceil(share / best.segments));
    return plan;
}

void allreduce_by_plan(MessageSteps& steps, const MessagePlan& plan) {
    switch (plan.algorithm) {
        case Algorithm::ring:
            return allreduce_around_ring(steps, plan.order);
        case Algorithm::recursive_doubling:
            return allreduce_by_doubling(steps, plan.order);
        default:
            return allreduce_along_trees(steps, plan.trees, plan.segment_bytes);
    }
}

}  // namespace ipcrun
