// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A queue of this host, and the processes of other hosts that have it or wait for it.

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/deadline.hpp"
#include "runtime/shared_queue.hpp"

namespace ipcrun {

/// Those who wait get a wake-up, the first the first: as many as there is something for. Who is
/// woken comes and tries again; until then, or until `come_time` has passed, that something counts
/// as his. Used by one thread.
class ServedQueue {
  public:
    enum class Side { readers, writers };
    /// Says to a rank that its call of this number is worth another try.
    using Wake = std::function<void(int rank, std::uint32_t id)>;

    explicit ServedQueue(std::shared_ptr<SharedQueue> queue) : queue_(std::move(queue)) {}

    SharedQueue& queue() { return *queue_; }
    std::uint64_t nonce() const { return queue_->reference().nonce; }

    /// A process of this rank has it once more, or once less. A rank may have it several times.
    void add(int rank) { ++owners_[rank]; }
    void remove(int rank);
    bool has(int rank) const { return owners_.contains(rank); }
    bool is_unused() const { return owners_.empty(); }
    /// The rank has ended.
    void forget(int rank);

    /// Its call was in vain: it waits for a wake-up.
    void wait(Side side, int rank, std::uint32_t id);
    /// The rank has come to try, perhaps as it was woken.
    void come(Side side, int rank);
    /// It waits no more; true when its wake-up is still to be sent.
    bool stop(Side side, int rank, std::uint32_t id);
    /// Wakes whom there is something for: did it wake anybody?
    bool wake(const Wake& wake);

    /// What rings when there may be something for those who wait: does anybody?
    bool add_bells(std::vector<Bell*>& bells) const;
    std::shared_ptr<SharedQueue> share() const { return queue_; }
    /// When to look without having been rung for.
    Deadline next_look() const;
    /// Frees what dead processes of this host held, for those who wait.
    void look_after();

  private:
    struct Waiting {
        int rank;
        std::uint32_t id;
        Clock::time_point since;
        bool is_odd;  // there was room, and yet it could not write
    };
    struct Woken {
        int rank;
        Clock::time_point since;
    };
    struct Line {
        std::deque<Waiting> waiting = {};
        std::vector<Woken> woken = {};
    };

    Line& line(Side side) { return side == Side::readers ? readers_ : writers_; }
    void pass_on(Side side);
    bool is_idle() const;
    bool try_to_wake(const Wake& wake);
    void wake_first(Line& line, const Wake& wake);

    std::shared_ptr<SharedQueue> queue_;  // shared: items outlive it
    std::map<int, int> owners_;           // how often a rank has it
    Line readers_, writers_;
};

}  // namespace ipcrun
