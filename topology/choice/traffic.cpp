// SPDX-License-Identifier: Apache-2.0
#include "topology/choice/traffic.hpp"

#include <algorithm>
#include <cstddef>

namespace ipcrun::topology {

namespace {

constexpr std::size_t links_max = 64;

std::size_t index(int number) {
    return static_cast<std::size_t>(number);
}

}  // namespace

Traffic::Traffic(const Costs& costs)
    : costs_(costs), uplinks_(costs.groups.size()), first_edge_(costs.groups.size(), -1) {
    for (std::size_t group = 0; group < costs.groups.size(); ++group) {
        if (costs.groups[group].matrix < 0) continue;
        const PairMatrix& matrix = costs.matrices[index(costs.groups[group].matrix)];
        first_edge_[group] = static_cast<int>(edge_costs_.size());
        edge_costs_.insert(edge_costs_.end(), matrix.edge_us_per_byte.begin(),
                           matrix.edge_us_per_byte.end());
    }
    edges_.resize(edge_costs_.size());
}

// Neighbours mostly have the link of those before them. Where every pair has been measured there
// are too many to keep: then one that is as dear as all of the rest stands for them.
void Traffic::add_link(const LinkCost& cost) {
    if (std::find(links_.rbegin(), links_.rend(), cost) != links_.rend()) return;
    if (links_.size() < links_max)
        links_.push_back(cost);
    else
        links_.back() = dearer(links_.back(), cost);
}

void Traffic::add(int from, int to) {
    int group = costs_.group_of[index(from)];
    for (; to < costs_.groups[index(group)].begin || to >= costs_.groups[index(group)].end;
         group = costs_.groups[index(group)].parent)
        ++uplinks_[index(group)].out;
    for (int below = costs_.group_of[index(to)]; below != group;
         below = costs_.groups[index(below)].parent)
        ++uplinks_[index(below)].in;
    const Group& common = costs_.groups[index(group)];
    if (common.matrix < 0) return add_link(common.cost);
    const PairMatrix& matrix = costs_.matrices[index(common.matrix)];
    const int a = from - common.begin, b = to - common.begin;
    add_link(matrix.costs[index(a) * index(matrix.size) + index(b)]);
    for (const int edge : matrix.edges_of(a, b)) ++edges_[index(first_edge_[index(group)] + edge)];
}

void Traffic::clear() {
    std::fill(uplinks_.begin(), uplinks_.end(), Load{});
    std::fill(edges_.begin(), edges_.end(), 0);
    links_.clear();
}

// Of the edges that messages share.
double Traffic::edges_us(double bytes) const {
    double us = 0;
    for (std::size_t group = 0; group < uplinks_.size(); ++group) {
        const int messages = std::max(uplinks_[group].in, uplinks_[group].out);
        us = std::max(us, bytes * messages * costs_.groups[group].uplink_us_per_byte);
    }
    // What goes round, or both ways between pairs, passes an edge as often in each direction.
    for (std::size_t edge = 0; edge < edges_.size(); ++edge)
        us = std::max(us, bytes * ((edges_[edge] + 1) / 2) * edge_costs_[edge]);
    return us;
}

double Traffic::step_us(double bytes, bool combines) const {
    const double reduce_us_per_byte = combines ? costs_.reduce_us_per_byte : 0;
    double latency_us = 0, us = 0;
    for (const LinkCost& link : links_) {
        latency_us = std::max(latency_us, link.latency_us);
        us = std::max(
            us, link.latency_us + link.gap_us + bytes * (link.us_per_byte + reduce_us_per_byte));
    }
    return std::max(us, latency_us + edges_us(bytes));
}

double Traffic::load_us(double bytes) const {
    double us = edges_us(bytes);
    for (const LinkCost& link : links_)
        us = std::max(us, link.gap_us + bytes * (link.us_per_byte + costs_.reduce_us_per_byte));
    return us;
}

}  // namespace ipcrun::topology
