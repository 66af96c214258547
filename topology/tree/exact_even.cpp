// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "topology/tree/exact.hpp"

namespace ipcrun::topology {

namespace {

/// Of a tree with m members besides its root and at most c children there: the last child to be
/// served has the subtree of B members for which
///
///     F_c(m) = min over B of max(F_(c-1)(m - B), F(B - 1) + L) + s
///
/// is least. One part falls with B and the other grows, so the best B is where they cross, and
/// that moves up with m: every table is filled in one pass.
class EvenTables {
  public:
    EvenTables(int members, double latency_us, double busy_us, int degree)
        : latency_us_(latency_us),
          busy_us_(busy_us),
          levels_(std::max(degree, 1)),
          any_degree_(degree == 0),
          us_(levels_, std::vector<double>(members, 0)),
          last_(levels_, std::vector<int>(members, 0)) {
        std::vector<int> crossing(levels_, 1);
        for (int others = 1; others < members; ++others)
            for (int level = 0; level < levels_; ++level) fill(level, others, crossing[level]);
    }

    double us(int others) const { return us_.back()[others]; }

    Tree tree() const {
        struct Part {
            int root, others, level;
        };
        const int members = static_cast<int>(us_[0].size());
        std::vector<int> parent(members, -1);
        std::vector<Part> parts{{0, members - 1, levels_ - 1}};
        int next = 1;
        while (!parts.empty()) {
            const Part part = parts.back();
            parts.pop_back();
            if (part.others == 0) continue;
            const int last = last_[part.level][part.others];
            const int child = next++;
            parent[child] = part.root;
            parts.push_back({child, last - 1, levels_ - 1});
            parts.push_back({part.root, part.others - last, part.level - (any_degree_ ? 0 : 1)});
        }
        return tree_of(std::move(parent));
    }

  private:
    void fill(int level, int others, int& crossing) {
        const auto child = [&](int last) { return us_.back()[last - 1] + latency_us_; };
        if (level == 0 && !any_degree_) {
            us_[0][others] = child(others) + busy_us_;
            last_[0][others] = others;
            return;
        }
        const std::vector<double>& before = us_[any_degree_ ? level : level - 1];
        while (crossing < others && child(crossing) < before[others - crossing]) ++crossing;
        int last = crossing;
        double us = std::max(before[others - last], child(last));
        if (crossing > 1 && before[others - crossing + 1] < us) {
            last = crossing - 1;
            us = before[others - last];
        }
        us_[level][others] = us + busy_us_;
        last_[level][others] = last;
    }

    double latency_us_, busy_us_;
    int levels_;
    bool any_degree_;
    std::vector<std::vector<double>> us_;  ///< by children at most - 1, and others
    std::vector<std::vector<int>> last_;
};

}  // namespace

ExactTree exact_even_tree(int members, double latency_us, double busy_us, int degree_max) {
    const EvenTables tables(members, latency_us, busy_us, degree_max);
    return {tables.tree(), tables.us(members - 1)};
}

}  // namespace ipcrun::topology
