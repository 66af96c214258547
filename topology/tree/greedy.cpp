// SPDX-License-Identifier: Apache-2.0
#include "topology/tree/greedy.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>

namespace ipcrun::topology {

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

double whole_us(const PairTimes& times, int a, int b, double bytes) {
    return times.between(a, b).latency_us + times.busy_us(a, b, bytes);
}

/// Parents of a tree that is given by its links, from `root`; `farthest` gets the most links from
/// there to anyone.
std::vector<int> hang(const std::vector<std::vector<int>>& links, int root, int& farthest) {
    std::vector<int> parent(links.size(), -1), depth(links.size(), 0), order{root};
    for (std::size_t next = 0; next < order.size(); ++next) {
        const int member = order[next];
        for (const int other : links[member]) {
            if (other == parent[member]) continue;
            parent[other] = member;
            depth[other] = depth[member] + 1;
            order.push_back(other);
        }
    }
    farthest = depth[order.back()];
    return parent;
}

int find(std::vector<int>& parts, int member) {
    while (parts[member] != member) member = parts[member] = parts[parts[member]];
    return member;
}

/// What a path costs: first the most that a member has beside it, then all together.
class PathCost {
  public:
    PathCost(const PairTimes& times, double bytes) : times_(times), bytes_(bytes) {}

    std::pair<double, double> of(const std::vector<int>& path) const {
        double most = 0, sum = 0, before = 0;
        for (std::size_t i = 1; i < path.size(); ++i) {
            const double us = times_.busy_us(path[i - 1], path[i], bytes_);
            most = std::max(most, before + us);
            sum += us + times_.between(path[i - 1], path[i]).latency_us;
            before = us;
        }
        return {most, sum};
    }

  private:
    const PairTimes& times_;
    double bytes_;
};

void turn_stretches(std::vector<int>& path, const PathCost& cost) {
    constexpr int rounds_max = 8;
    auto least = cost.of(path);
    bool better = true;
    for (int round = 0; round < rounds_max && better; ++round) {
        better = false;
        for (std::size_t begin = 0; begin + 1 < path.size(); ++begin) {
            for (std::size_t end = begin + 2; end <= path.size(); ++end) {
                std::reverse(path.begin() + begin, path.begin() + end);
                const auto now = cost.of(path);
                if (now < least) {
                    least = now;
                    better = true;
                } else {
                    std::reverse(path.begin() + begin, path.begin() + end);
                }
            }
        }
    }
}

}  // namespace

std::vector<int> earliest_tree(const PairTimes& times, double bytes, int root, int degree_max,
                               bool look_ahead) {
    const int size = times.size();
    std::vector<int> parent(size, -1), left(size, degree_max > 0 ? degree_max : size);
    std::vector<double> free(size, infinite);  // when who has the value can send next
    free[root] = 0;
    std::vector<double> onward(size, 0);  // from there to the nearest that lacks the value
    for (int turn = 1; turn < size; ++turn) {
        if (look_ahead) {
            for (int to = 0; to < size; ++to) {
                onward[to] = infinite;
                for (int next = 0; next < size; ++next)
                    if (next != to && free[next] == infinite)
                        onward[to] = std::min(onward[to], whole_us(times, to, next, bytes));
                if (onward[to] == infinite) onward[to] = 0;
            }
        }
        int sender = -1, receiver = -1;
        double least = infinite;
        for (int from = 0; from < size; ++from) {
            if (free[from] == infinite || left[from] == 0) continue;
            for (int to = 0; to < size; ++to) {
                if (free[to] < infinite) continue;
                const double us = free[from] + whole_us(times, from, to, bytes) + onward[to];
                if (us < least) std::tie(least, sender, receiver) = std::tuple(us, from, to);
            }
        }
        parent[receiver] = sender;
        --left[sender];
        free[receiver] = free[sender] + whole_us(times, sender, receiver, bytes);
        free[sender] += times.busy_us(sender, receiver, bytes);
    }
    return parent;
}

std::vector<int> cheapest_links_tree(const PairTimes& times, double bytes, int links_max) {
    const int size = times.size();
    std::vector<std::tuple<double, int, int>> pairs;
    for (int a = 0; a < size; ++a)
        for (int b = a + 1; b < size; ++b) pairs.emplace_back(times.busy_us(a, b, bytes), a, b);
    std::sort(pairs.begin(), pairs.end());
    std::vector<int> parts(size);
    std::iota(parts.begin(), parts.end(), 0);
    std::vector<std::vector<int>> links(size);
    const int most = links_max > 0 ? links_max : size;
    for (const auto& [us, a, b] : pairs) {
        const int one = find(parts, a), other = find(parts, b);
        if (one == other || static_cast<int>(links[a].size()) >= most ||
            static_cast<int>(links[b].size()) >= most)
            continue;
        links[a].push_back(b);
        links[b].push_back(a);
        parts[one] = other;
    }
    std::vector<int> best;
    int nearest = size;
    for (int root = 0; root < size; ++root) {
        // With three links a root would have a child more than others.
        if (links_max > 2 && static_cast<int>(links[root].size()) >= most) continue;
        int farthest = 0;
        std::vector<int> parent = hang(links, root, farthest);
        if (farthest >= nearest) continue;
        nearest = farthest;
        best = std::move(parent);
    }
    return best;
}

std::vector<int> nearest_path(const PairTimes& times, double bytes, int first, bool from_middle) {
    const int size = times.size();
    std::vector<int> path{first};
    std::vector<char> taken(size, 0);
    taken[first] = 1;
    while (static_cast<int>(path.size()) < size) {
        int next = -1;
        for (int member = 0; member < size; ++member) {
            if (taken[member] != 0) continue;
            if (next < 0 ||
                times.busy_us(path.back(), member, bytes) < times.busy_us(path.back(), next, bytes))
                next = member;
        }
        taken[next] = 1;
        path.push_back(next);
    }
    turn_stretches(path, PathCost(times, bytes));
    const int root = from_middle ? size / 2 : 0;
    std::vector<int> parent(size, -1);
    for (int i = 0; i < size; ++i)
        if (i != root) parent[path[i]] = path[i < root ? i + 1 : i - 1];
    return parent;
}

}  // namespace ipcrun::topology
