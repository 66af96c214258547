// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A point on the monotonic clock until which somebody is willing to wait.

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>

namespace ipcrun {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

class Deadline {
  public:
    static Deadline never() { return Deadline(); }
    /// `seconds` from now; very long durations mean never.
    static Deadline after(Seconds seconds) {
        constexpr Seconds century{100.0 * 365 * 24 * 3600};
        if (!(seconds < century)) return never();
        return Deadline(Clock::now() + std::chrono::duration_cast<Clock::duration>(seconds));
    }

    /// The one that passes first.
    static Deadline sooner(const Deadline& a, const Deadline& b) {
        if (!a.at_) return b;
        return b.at_ && *b.at_ < *a.at_ ? b : a;
    }

    /// So much later.
    Deadline later(Seconds seconds) const {
        if (!at_) return never();
        return Deadline(*at_ + std::chrono::duration_cast<Clock::duration>(seconds));
    }

    bool is_never() const { return !at_; }
    bool has_passed() const { return at_ && Clock::now() >= *at_; }

    /// Time left, never negative; nullopt when there is no deadline.
    std::optional<Clock::duration> remaining() const {
        if (!at_) return std::nullopt;
        return std::max(*at_ - Clock::now(), Clock::duration::zero());
    }

    /// Time left for poll(2): rounded up to whole milliseconds, -1 for never.
    int remaining_ms() const {
        if (!at_) return -1;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*remaining()).count();
        return static_cast<int>(std::min<long long>(left, std::numeric_limits<int>::max()));
    }

  private:
    Deadline() = default;
    explicit Deadline(Clock::time_point at) : at_(at) {}
    std::optional<Clock::time_point> at_;
};

}  // namespace ipcrun
