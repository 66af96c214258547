// SPDX-License-Identifier: Apache-2.0
// Between positions that differ in one bit, with all elements.
#include <bit>

#include "runtime/message_schedules.hpp"

namespace ipcrun {

namespace {

constexpr int tag_before = 0, tag_among = 1, tag_after = 2;

}  // namespace

void allreduce_by_doubling(MessageSteps& steps, std::span<const int> order) {
    using Order = Order;
    const Range all = steps.all();
    const std::size_t pairs = std::bit_floor(order.size());
    const std::size_t spare = order.size() - pairs;
    const auto position =
        static_cast<std::size_t>(std::ranges::find(order, steps.rank()) - order.begin());
    // Of the first 2 * spare every second one stands aside, so that neighbours help each other.
    const bool is_doubled = position < 2 * spare;
    if (is_doubled && position % 2 == 1) {
        steps.send(all, order[position - 1], tag_before);
        return steps.receive(all, order[position - 1], tag_after);
    }
    if (is_doubled) steps.combine(all, order[position + 1], tag_before, Order::mine_first);
    const std::size_t own = is_doubled ? position / 2 : position - spare;
    for (std::size_t bit = 1; bit < pairs; bit *= 2) {
        const std::size_t other = own ^ bit;
        const int partner = order[other < spare ? 2 * other : other + spare];
        steps.send_and_combine(all, partner, all, partner, tag_among,
                               own < other ? Order::mine_first : Order::theirs_first);
    }
    steps.finish(all);
    if (is_doubled) steps.send(all, order[position + 1], tag_after);
}

}  // namespace ipcrun
