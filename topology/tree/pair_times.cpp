// SPDX-License-Identifier: Apache-2.0
#include "topology/tree/pair_times.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "topology/tree/tree_time.hpp"

namespace ipcrun::topology {

PairTimes::PairTimes(const Costs& costs, double bytes)
    : pairs_(as_matrix(costs)),
      bytes_(bytes),
      reduce_us_per_byte_(costs.reduce_us_per_byte),
      edges_(pairs_.edge_us_per_byte.size(), 0),
      loads_(pairs_.size) {}

void PairTimes::order(std::span<const int> parent) {
    const int size = pairs_.size;
    // Children by parent, by counting; `place_` is the tree in that form.
    count_.assign(size + 1, 0);
    int root = 0;
    for (int member = 0; member < size; ++member) {
        if (parent[member] < 0)
            root = member;
        else
            ++count_[parent[member]];
    }
    first_.assign(size + 1, 0);
    for (int member = 0; member < size; ++member)
        first_[member + 1] = first_[member] + count_[member];
    place_.resize(size);
    for (int member = 0; member < size; ++member)
        if (parent[member] >= 0)
            place_[first_[parent[member] + 1] - count_[parent[member]]--] = member;
    order_.clear();
    order_.push_back(root);
    for (std::size_t next = 0; next < order_.size(); ++next)
        for (int i = first_[order_[next]]; i < first_[order_[next] + 1]; ++i)
            order_.push_back(place_[i]);
}

double PairTimes::once_us(double segment_bytes) {
    ready_.assign(pairs_.size, 0);
    for (auto member = order_.rbegin(); member != order_.rend(); ++member) {
        const auto begin = place_.begin() + first_[*member];
        const auto end = place_.begin() + first_[*member + 1];
        const auto arrival = [&](int child) {
            return ready_[child] + between(child, *member).latency_us;
        };
        // By insertion: most have two.
        for (auto next = begin; next != end; ++next)
            for (auto at = next; at != begin && arrival(*at) < arrival(at[-1]); --at)
                std::swap(*at, at[-1]);
        double us = 0;
        for (auto child = begin; child != end; ++child)
            us = std::max(us, arrival(*child)) + busy_us(*child, *member, segment_bytes);
        ready_[*member] = us;
    }
    return 2 * ready_[order_[0]];
}

void PairTimes::load(std::span<const int> parent) {
    std::fill(loads_.begin(), loads_.end(), Load{});
    std::fill(edges_.begin(), edges_.end(), 0);
    for (int member = 0; member < pairs_.size; ++member) {
        if (parent[member] < 0) continue;
        const LinkCost& cost = between(member, parent[member]);
        loads_[member].add({cost.gap_us, cost.us_per_byte});
        loads_[parent[member]].add({cost.gap_us, cost.us_per_byte + reduce_us_per_byte_});
        for (const int edge : pairs_.edges_of(member, parent[member]))
            edges_[edge] += pairs_.edge_us_per_byte[edge];
    }
}

double PairTimes::period_us(double segment_bytes) const {
    double us = 0;
    for (const Load& load : loads_) us = std::max(us, load.us(segment_bytes));
    for (const double edge : edges_) us = std::max(us, segment_bytes * edge);
    return us;
}

double PairTimes::us(std::span<const int> parent, double least) {
    load(parent);
    const int from = segments_ == 0 ? 1 : std::max(segments_ / 2, 1);
    const int to = segments_ == 0 ? segments_max : std::min(segments_ * 2, segments_max);
    double best = std::numeric_limits<double>::infinity();
    bool ordered = false;
    for (int segments = from; segments <= to; segments *= 2) {
        const double period = period_us(bytes_ / segments);
        const double behind = (segments - 1) * period;
        if (behind >= best) break;
        if (behind + period >= std::min(best, least)) continue;
        if (!ordered) order(parent);
        ordered = true;
        const double us = std::max(once_us(bytes_ / segments), period) + behind;
        if (us < best) {
            best = us;
            if (us < least) segments_ = segments;
        }
    }
    return best;
}

}  // namespace ipcrun::topology
