// SPDX-License-Identifier: Apache-2.0
#include "topology/tree/search.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

namespace ipcrun::topology {

namespace {

// Up to here the lower part may be hung on by any of its members; beyond, by its top only.
constexpr int exchange_max = 24;

class Search {
  public:
    Search(std::vector<int>& parent, PairTimes& times, int degree_max, double steps)
        : times_(times),
          size_(times.size()),
          degree_max_(degree_max > 0 ? degree_max : size_),
          steps_(steps),
          parent_(parent),
          now_(parent) {}

    double run() {
        times_.forget_segments();
        best_us_ = us_ = times_.us(now_, std::numeric_limits<double>::infinity());
        while (true) {
            while (!spent() && (exchange() || swap_members() || move_root())) {
            }
            if (us_ < best_us_ * (1 - 1e-12)) {
                best_us_ = us_;
                parent_ = now_;
            }
            if (spent()) break;
            now_ = parent_;
            times_.forget_segments();
            shake();
            us_ = times_.us(now_, std::numeric_limits<double>::infinity());
        }
        return best_us_;
    }

  private:
    bool spent() const { return steps_ <= 0; }

    /// Keeps `next_` if it is faster.
    bool keep() {
        steps_ -= size_;
        const double us = times_.us(next_, us_);
        if (us >= us_ * (1 - 1e-12)) return false;
        us_ = us;
        now_.swap(next_);
        return true;
    }

    int children_of(int member) const {
        return static_cast<int>(std::count(now_.begin(), now_.end(), member));
    }
    /// Is `member` below `top`, or it?
    bool is_below(int member, int top) const {
        while (member >= 0 && member != top) member = now_[member];
        return member == top;
    }
    /// Turns the way from `top` down to `member` round in `next_`; `above` is the new parent.
    void hang_by(int member, int top, int above) {
        int before = above;
        for (int at = member; at >= 0;) {
            const int up = now_[at];
            next_[at] = before;
            before = at;
            if (at == top) break;
            at = up;
        }
    }

    bool exchange() {
        bool better = false;
        for (int top = 0; top < size_; ++top) {
            if (now_[top] < 0) continue;
            for (int member = 0; member < size_; ++member) {
                if (member != top && size_ > exchange_max) continue;
                if (now_[top] < 0 || !is_below(member, top)) continue;
                if (member != top && children_of(member) >= degree_max_) continue;
                for (int above = 0; above < size_ && !spent(); ++above) {
                    if (above == now_[top] && member == top) continue;
                    if (is_below(above, top)) continue;
                    if (children_of(above) - (above == now_[top] ? 1 : 0) >= degree_max_) continue;
                    next_ = now_;
                    hang_by(member, top, above);
                    if (!keep()) continue;
                    better = true;
                    break;
                }
            }
        }
        return better;
    }

    void swap_in_next(int a, int b) {
        const auto other = [&](int member) { return member == a ? b : member == b ? a : member; };
        next_.resize(size_);
        for (int member = 0; member < size_; ++member)
            next_[other(member)] = now_[member] < 0 ? -1 : other(now_[member]);
    }

    bool swap_members() {
        bool better = false;
        for (int a = 0; a < size_; ++a) {
            for (int b = a + 1; b < size_ && !spent(); ++b) {
                swap_in_next(a, b);
                better = keep() || better;
            }
        }
        return better;
    }

    bool move_root() {
        bool better = false;
        for (int member = 0; member < size_ && !spent(); ++member) {
            if (now_[member] < 0 || children_of(member) >= degree_max_) continue;
            next_ = now_;
            hang_by(member, -1, -1);
            better = keep() || better;
        }
        return better;
    }

    // Numbers after Steele, Lea and Flood ("Fast splittable pseudorandom number generators", 2014),
    // the same on every machine.
    int random(int below) {
        std::uint64_t bits = (state_ += 0x9e3779b97f4a7c15U);
        bits = (bits ^ (bits >> 30U)) * 0xbf58476d1ce4e5b9U;
        bits = (bits ^ (bits >> 27U)) * 0x94d049bb133111ebU;
        return static_cast<int>((bits >> 33U) % static_cast<std::uint64_t>(below));
    }

    void shake() {
        const int swaps = 1 + random(3);
        for (int turn = 0; turn < swaps; ++turn) {
            const int a = random(size_), b = random(size_);
            if (a != b) {
                swap_in_next(a, b);
                now_.swap(next_);
            }
            const int top = random(size_), above = random(size_);
            if (now_[top] < 0 || is_below(above, top) || children_of(above) >= degree_max_)
                continue;
            now_[top] = above;
        }
        steps_ -= size_;
    }

    PairTimes& times_;
    int size_;
    int degree_max_;
    double steps_;
    std::vector<int>& parent_;  ///< the best
    std::vector<int> now_, next_ = {};
    double us_ = 0, best_us_ = 0;
    std::uint64_t state_ = 0;
};

}  // namespace

double improve(std::vector<int>& parent, PairTimes& times, int degree_max, double steps) {
    return Search(parent, times, degree_max, steps).run();
}

}  // namespace ipcrun::topology
