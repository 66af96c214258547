// SPDX-License-Identifier: Apache-2.0
#include "topology/choice/message_times.hpp"

#include <algorithm>
#include <bit>
#include <vector>

#include "topology/choice/traffic.hpp"

namespace ipcrun::topology {

double ring_us(const Costs& costs, double bytes) {
    const int n = costs.size();
    Traffic traffic(costs);
    double around_us = 0;
    for (int member = 0; member < n; ++member) {
        const int next = (member + 1) % n;
        traffic.add(member, next);
        const LinkCost link = costs.between(member, next);
        around_us += link.latency_us + link.gap_us +
                     bytes / n * (link.us_per_byte + costs.reduce_us_per_byte / 2);
    }
    // Nobody waits for all others: a piece goes around as fast as each link lets it, unless one of
    // them has too much to carry for the n - 1 pieces of each round.
    const double steps = 2.0 * (n - 1);
    return std::max(steps / n * around_us, steps * traffic.load_us(bytes / n));
}

// As in runtime/doubling_schedule.cpp: of the first 2 * spare positions every second stands aside.
double recursive_doubling_us(const Costs& costs, double bytes) {
    const auto n = static_cast<unsigned>(costs.size());
    const unsigned pairs = std::bit_floor(n), spare = n - pairs;
    const auto position = [&](unsigned index) {
        return static_cast<int>(index < spare ? 2 * index : index + spare);
    };
    Traffic traffic(costs);
    double us = 0;
    if (spare > 0) {
        for (unsigned i = 0; i < spare; ++i)
            traffic.add(static_cast<int>(2 * i + 1), static_cast<int>(2 * i));
        us += traffic.step_us(bytes, true) + traffic.step_us(bytes, false);
    }
    for (unsigned bit = 1; bit < pairs; bit *= 2) {
        traffic.clear();
        for (unsigned i = 0; i < pairs; ++i) traffic.add(position(i), position(i ^ bit));
        us += traffic.step_us(bytes, true);
    }
    return us;
}

int recursive_doubling_steps(int members) {
    const auto n = static_cast<unsigned>(members);
    return std::bit_width(n) - 1 + (std::has_single_bit(n) ? 0 : 2);
}

double whole_messages_us(const Tree& tree, const Costs& costs, double bytes) {
    // Parents before children; then the other way round.
    std::vector<int> order{tree.root};
    for (std::size_t i = 0; i < order.size(); ++i)
        for (const int child : tree.children_of(order[i])) order.push_back(child);
    std::vector<double> ready_us(order.size());
    for (auto member = order.rbegin(); member != order.rend(); ++member) {
        double us = 0;
        for (const int child : tree.children_of(*member)) {
            const LinkCost link = costs.between(*member, child);
            us = std::max(us, ready_us[static_cast<std::size_t>(child)] + link.latency_us) +
                 link.gap_us + bytes * (link.us_per_byte + costs.reduce_us_per_byte / 2);
        }
        ready_us[static_cast<std::size_t>(*member)] = us;
    }
    return 2 * ready_us[static_cast<std::size_t>(tree.root)];
}

double Crowd::members_per_cpu() const {
    if (shared == nullptr || shared->cpus >= members) return 1;
    return static_cast<double>(members) / std::max(shared->cpus, 1);
}

double Crowd::of_steps(double us, int steps, double busy_us) const {
    const double each = members_per_cpu();
    if (each <= 1) return us;
    return std::max(us, steps * each * (shared->wake_us + busy_us));
}

double Crowd::of_path(double us, int steps, double busy_us) const {
    const double each = members_per_cpu();
    if (each <= 1) return us;
    return us + steps * each / 2 * shared->wake_us + busy_us / std::max(shared->cpus, 1);
}

double typical_busy_us(const Costs& costs, double bytes) {
    const LinkCost link = costs.between(0, 1);
    return link.gap_us + bytes * (link.us_per_byte + costs.reduce_us_per_byte);
}

}  // namespace ipcrun::topology
