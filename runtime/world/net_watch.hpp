// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Who sees to the streams to other hosts. Mostly that is a rank that waits for them, and sleeps
/// right there: so what comes wakes the rank itself, and nobody else. A thread does it while the
/// program does something else: computes, waits for ranks of its own host, or sleeps. So what this
/// rank has sent arrives, and who sleeps is woken, whatever the program does.

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <thread>

#include "base/deadline.hpp"
#include "base/unique_fd.hpp"
#include "runtime/hosts/remote_peers.hpp"
#include "runtime/node_memory.hpp"
#include "runtime/wire/bell.hpp"

namespace ipcrun {

/// Where threads sleep that wait for other hosts: one of them, the attendant, at the streams
/// themselves, the others at the bell. Shared: streams may outlive the watch.
class NetSleepers {
  public:
    NetSleepers();

    Bell bell;
    /// There are news that these threads may wait for. Any thread.
    void wake_all() {
        bell.ring_all();
        wake_attendant();
    }
    void wake_attendant() const;
    bool has_attendant() const { return has_attendant_.load(); }
    /// False: there is one already.
    bool attend() { return !has_attendant_.exchange(true); }
    /// Sleeps until `streams` is readable, somebody wakes the attendant, or the deadline passes.
    void sleep(int streams, Deadline deadline) const;
    void leave() { has_attendant_.store(false); }

  private:
    UniqueFd alarm_;  // readable: the attendant is to look around
    std::atomic<bool> has_attendant_ = false;
};

class NetWatch {
  public:
    /// `memory`: of this host, whose alert word wakes the attendant, too.
    NetWatch(std::shared_ptr<RemotePeers> peers, std::shared_ptr<NetSleepers> sleepers,
             std::shared_ptr<NodeMemory> memory);
    NetWatch(const NetWatch&) = delete;
    /// In a child after fork() there is no thread, and nothing is waited for.
    ~NetWatch();

    /// Somebody looks at the streams itself, which is faster: the thread leaves them alone for a
    /// moment, unless that one is about to sleep at the bell. Any thread.
    void note_look() {
        looks_.fetch_add(1, std::memory_order_relaxed);
        if (sleepers_->bell.sleepers.load() != 0) take_over();
    }
    /// From now on the thread sees to the streams, unless an attendant does. Any thread.
    void take_over() {
        if (sleepers_->has_attendant()) return;
        calls_.fetch_add(1);
        if (is_resting_.load()) wake();
    }

    /// Sleeps as the attendant until something may have come for `condition()`, which was false,
    /// the alert word is not `alert_seen`, or the deadline passes. Returns false at once where
    /// there is an attendant: the bell tells the others.
    template <typename Condition>
    bool sleep(std::uint32_t alert_seen, Deadline deadline, Condition condition) {
        if (!sleepers_->attend()) return false;
        const Visit visit{*this};
        // From now on the thread tells of alerts, and whoever looks at the streams of news.
        if (!is_resting_.load()) call();
        if (alert_.load() == alert_seen && !condition() && !deadline.has_passed())
            sleepers_->sleep(peers_->fd(), deadline);
        return true;
    }

  private:
    /// An attendant's, who leaves in any case: looking at the streams may fail.
    struct Visit {
        NetWatch& watch;
        ~Visit() { watch.leave(); }
    };

    void run();
    void rest(std::uint32_t calls);
    void call() {
        calls_.fetch_add(1);
        wake();
    }
    void wake();
    void leave();
    void tell_of_alert();
    bool is_needed() const;
    bool progress();

    std::shared_ptr<RemotePeers> peers_;  // shared: with the mailboxes
    std::shared_ptr<NetSleepers> sleepers_;
    std::shared_ptr<NodeMemory> memory_;
    std::atomic<std::uint32_t>& alert_;
    std::uint32_t alert_told_;  // of the thread
    // The thread is to look around: a word where it rests, and readable where it watches.
    std::atomic<std::uint32_t> calls_ = 0;
    UniqueFd called_;
    std::atomic<bool> ends_ = false;
    std::atomic<bool> is_resting_ = false;  // the thread has left the streams to others
    std::atomic<bool> is_asleep_ = false;   // and comes back only when it is called
    std::atomic<std::uint64_t> looks_ = 0;
    pid_t pid_;
    std::thread thread_;
};

}  // namespace ipcrun
