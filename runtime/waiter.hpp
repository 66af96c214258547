// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The one way to wait for peers of the node: spin while there are cores to spare, then yield, then
/// sleep; never burning a core for longer than a few hundred microseconds.
///
/// Measured on a two-core virtual machine: a flag that is spun on arrives after 0.05 us, after
/// sched_yield 0.2 us (1.2 us when the writer shares the core), a sleeper is awake after 22 us.

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/deadline.hpp"
#include "base/futex.hpp"
#include "runtime/strangers.hpp"
#include "runtime/wire/bell.hpp"

namespace ipcrun {

struct ControlHeader;

enum class WaitResult {
    ready,      ///< the condition holds
    alerted,    ///< the node's alert word is no longer `alert_seen`: look around, then wait again
    timed_out,  ///< the deadline has passed
};

class Waiter {
  public:
    /// The two words are those of ControlHeader, or others with their meaning; they outlive it.
    /// `crowded`: more ranks than CPUs share this node, so spinning takes time from those waited
    /// for.
    Waiter(std::atomic<std::uint32_t>& alert, std::atomic<std::uint32_t>& reports, bool crowded);
    Waiter(ControlHeader& header, bool crowded);

    /// Called (between two looks at the condition) by a thread that waits while a report is asked
    /// for: see ControlHeader::reports. May take its time, and must not throw. Set before other
    /// threads wait with a waiter that shares it.
    void on_report(std::function<void()> report) { reporter_->report = std::move(report); }
    /// From now on both have one call-back, called once for each report, whichever of them waits.
    void report_with(const Waiter& other) { reporter_ = other.reporter_; }

    bool is_crowded() const { return crowded_; }
    void set_crowded(bool crowded) { crowded_ = crowded; }
    /// Where it is crowded, yield so many times at most before sleep, and not at all while others
    /// compute on these CPUs. 0: sleep at once, for what is waited for takes long, and who yields
    /// takes CPUs from those who work at it. As it is made it yields for 200 us, as a step among
    /// ranks of one host takes.
    void limit_yields(int turns) { turns_ = turns; }

    /// Tells the CPU that this is a loop that waits.
    static void pause() {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    }

    /// Returns when `condition()` holds, the alert word differs from `alert_seen`, or the deadline
    /// passes. Whoever makes the condition true must ring `bell` afterwards.
    template <typename Condition>
    WaitResult wait(Bell& bell, std::uint32_t alert_seen, Deadline deadline, Condition condition) {
        Bell* const bells[] = {&bell};
        return wait(bells, alert_seen, deadline, std::move(condition));
    }

    /// The same, where any of several bells tells of it. Throws std::bad_alloc for very many.
    template <typename Condition>
    WaitResult wait(std::span<Bell* const> bells, std::uint32_t alert_seen, Deadline deadline,
                    Condition condition) {
        if (const auto met = meet(alert_seen, condition)) return *met;
        return sleep(bells, alert_seen, deadline, condition);
    }

    /// The part of wait() that begins with sleep.
    template <typename Condition>
    WaitResult sleep(std::span<Bell* const> bells, std::uint32_t alert_seen, Deadline deadline,
                     Condition& condition) {
        for (;;) {
            Sleepers sleepers(*this, bells);
            // The condition is looked at after sleepers were counted: whoever makes it true from
            // now on sees a sleeper and rings. Both sides are sequentially consistent.
            const bool ready = condition();
            if (!ready && alert_.load() == alert_seen && !deadline.has_passed())
                sleepers.sleep(alert_seen, deadline);
            sleepers.leave();
            if (ready || condition()) return WaitResult::ready;
            if (alert_.load() != alert_seen) return WaitResult::alerted;
            if (deadline.has_passed()) return WaitResult::timed_out;
        }
    }

    /// The part of wait() that comes before sleep: nullopt when it is time for that.
    template <typename Condition>
    std::optional<WaitResult> meet(std::uint32_t alert_seen, Condition& condition) {
        const bool is_limited = crowded_ && turns_.has_value();
        if (is_limited && (*turns_ == 0 || strangers_.are_about())) return std::nullopt;
        if (company_.spin(crowded_, condition)) return WaitResult::ready;
        if (is_limited) return yield_for_turns(alert_seen, condition);
        if (company_.should_part()) return std::nullopt;
        ::sched_yield();
        if (condition()) {
            company_.met_by_yielding();
            return WaitResult::ready;
        }
        const auto until = Clock::now() + yield_time;
        do {
            ::sched_yield();
            if (condition()) return WaitResult::ready;
            if (alert_.load() != alert_seen) return WaitResult::alerted;
        } while (Clock::now() < until);
        return std::nullopt;
    }

    /// Calls the report call-back when a report was asked for since the last one.
    void report_if_asked();

  private:
    /// The kernel lets those who have had less of a CPU go first: two that yield to each other can
    /// keep it from a third. So it is turns that count, not time.
    template <typename Condition>
    std::optional<WaitResult> yield_for_turns(std::uint32_t alert_seen, Condition& condition) {
        for (int i = 0; i < *turns_; ++i) {
            const auto before = Clock::now();
            ::sched_yield();
            const bool was_long = strangers_.note_yield(Clock::now() - before);
            if (condition()) return WaitResult::ready;
            if (alert_.load() != alert_seen) return WaitResult::alerted;
            if (was_long) break;
        }
        return std::nullopt;
    }

    /// Does who is waited for sit on the core of this thread? Then spinning keeps it from working.
    /// The kernel moves neither of two threads that yield to each other, even when other cores are
    /// idle, but does look for an idle one when it wakes a sleeper. So when a yield after vain
    /// spinning has brought what was waited for several times in a row, there is less spinning, and
    /// now and then a sleep in its place; ever more rarely where that does not help.
    class Company {
      public:
        template <typename Condition>
        bool spin(bool crowded, Condition& condition) {
            Clock::time_point end;
            const int spins = crowded ? 1 : signs_ > 1 ? spins_few : spins_max;
            for (int i = 1; !condition(); ++i) {
                pause();
                if (i == spins) return false;
                if (i % spins_few != 0) continue;
                // A look at a network takes longer than one at a flag.
                const auto now = Clock::now();
                if (i == spins_few) end = now + spin_time;
                if (now > end) return false;
            }
            signs_ = 0;
            patience_ = patience_min;
            return true;
        }
        void met_by_yielding() { ++signs_; }
        bool should_part() {
            if (signs_ < patience_) return false;
            signs_ = 2;
            patience_ = std::min(2 * patience_, patience_max);
            return true;
        }

      private:
        static constexpr std::chrono::microseconds spin_time{20};
        static constexpr int spins_max = 1000;  // of flags, in about that time
        static constexpr int spins_few = 20;
        static constexpr int patience_min = 8;
        static constexpr int patience_max = 1 << 14;
        int signs_ = 0;
        int patience_ = patience_min;
    };

    static constexpr std::chrono::microseconds yield_time{200};

    /// This thread among the sleepers of some bells.
    class Sleepers {
      public:
        Sleepers(Waiter& waiter, std::span<Bell* const> bells);
        Sleepers(const Sleepers&) = delete;
        ~Sleepers() { leave(); }
        void sleep(std::uint32_t alert_seen, Deadline deadline);
        void leave();

      private:
        Waiter& waiter_;
        std::span<Bell* const> bells_;
        bool is_counted_ = true;
    };

    std::atomic<std::uint32_t>& alert_;
    std::atomic<std::uint32_t>& reports_;
    bool crowded_;
    std::optional<int> turns_;
    Company company_;
    Strangers strangers_;
    std::vector<FutexWait> words_;  // of the bells, while it sleeps; and the alert word
    struct Reporter {
        std::function<void()> report;
        std::atomic<std::uint32_t> seen;  // of ControlHeader::reports
    };
    // Shared: communicators of a rank may go in any order.
    std::shared_ptr<Reporter> reporter_;
};

}  // namespace ipcrun
