// SPDX-License-Identifier: Apache-2.0
#include "topology/tree/runs.hpp"

#include <utility>
#include <vector>

namespace ipcrun::topology {

namespace {

/// Where runs begin, and behind the last the number of members.
std::vector<int> begins_of_runs(const Costs& costs, int run_max) {
    std::vector<int> begins;
    for (int member = 0; member < costs.size();) {
        begins.push_back(member);
        int end = member + 1;
        for (int group = costs.group_of[member]; group >= 0; group = costs.groups[group].parent) {
            if (costs.groups[group].size() > run_max || costs.groups[group].begin < member) break;
            end = costs.groups[group].end;
        }
        member = end;
    }
    begins.push_back(costs.size());
    return begins;
}

}  // namespace

Tree position_path(const Costs& costs, int degree_max) {
    const int root = degree_max == 1 ? 0 : costs.size() / 2;
    std::vector<int> parent(costs.group_of.size(), -1);
    for (int member = 0; member < costs.size(); ++member)
        if (member != root) parent[member] = member < root ? member + 1 : member - 1;
    return tree_of(std::move(parent));
}

Tree runs_tree(const Costs& costs, int run_max) {
    const std::vector<int> begins = begins_of_runs(costs, run_max);
    std::vector<int> parent(costs.group_of.size(), -1);
    struct Part {
        int first, end, above;  ///< runs, and the member that they hang on
    };
    std::vector<Part> parts{{0, static_cast<int>(begins.size()) - 1, -1}};
    while (!parts.empty()) {
        const Part part = parts.back();
        parts.pop_back();
        if (part.first == part.end) continue;
        const int begin = begins[part.first], end = begins[part.first + 1];
        parent[begin] = part.above;
        for (int member = begin + 1; member < end; ++member) parent[member] = member - 1;
        // The chain takes one of the two places of all members but the last.
        const int second = end - begin > 1 ? begin + 1 : begin;
        const int middle = part.first + 1 + (part.end - part.first - 1) / 2;
        parts.push_back({part.first + 1, middle, second});
        parts.push_back({middle, part.end, begin});
    }
    return tree_of(std::move(parent));
}

}  // namespace ipcrun::topology
