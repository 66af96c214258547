// SPDX-License-Identifier: Apache-2.0
// Around a ring, a share of the elements each.
#include "runtime/message_schedules.hpp"

namespace ipcrun {

void allreduce_around_ring(MessageSteps& steps, std::span<const int> order) {
    const std::size_t n = order.size();
    const auto own =
        static_cast<std::size_t>(std::ranges::find(order, steps.rank()) - order.begin());
    const int next = order[(own + 1) % n], before = order[(own + n - 1) % n];
    const auto share = [&](std::size_t i) { return steps.all().piece((own + 2 * n - i) % n, n); };
    for (std::size_t i = 0; i + 1 < n; ++i)
        steps.send_and_combine(share(i), next, share(i + 1), before, 0, Order::theirs_first);
    // What comes last has come from all.
    steps.finish(share(n - 1));
    for (std::size_t i = 0; i + 1 < n; ++i)
        steps.send_and_receive(share(i + n - 1), next, share(i + n), before, 1);
}

}  // namespace ipcrun
