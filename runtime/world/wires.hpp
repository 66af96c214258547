// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a rank has to reach those on other hosts: shared by all its communicators.

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/unique_fd.hpp"
#include "runtime/hosts/remote_peers.hpp"
#include "runtime/wire/bell.hpp"
#include "runtime/wire/job_table.hpp"
#include "runtime/world/net_watch.hpp"

namespace ipcrun {

class Wires {
  public:
    /// `listener`: where others find this rank, as its agent made it.
    /// `memory`: that of this host.
    Wires(int rank, JobTable table, UniqueFd listener, const JobSecret& secret,
          std::shared_ptr<NodeMemory> memory);

    const JobTable& table() const { return table_; }
    int rank() const { return rank_; }  ///< of this process in the job
    bool is_here(int rank) const { return table_.host_of(rank) == table_.host_of(rank_); }
    /// "rank 5 on host h2", for people.
    std::string name_of(int rank) const;
    /// How a rank on another host has ended: "failed: signal 9 (Killed)"; nullopt: it has not.
    std::optional<RankEnd> end_of(int rank) const;

    const std::shared_ptr<RemotePeers>& peers() const { return peers_; }
    /// Does what can be done without waiting. For who looks again and again: news that come
    /// meanwhile are its own to find.
    void look() {
        watch_.note_look();
        (void)peers_->progress();
    }
    /// Rung when there are news, for those who sleep.
    Bell& bell() { return sleepers_->bell; }
    /// Who has looked goes on to something else: what is under way is for the thread now.
    void leave() {
        if (peers_->has_work_under_way()) watch_.take_over();
    }
    /// Does so at the end of a scope, however that ends.
    struct Leaving {
        Wires& wires;
        ~Leaving() { wires.leave(); }
    };
    /// Sleeps until there may be news of other hosts, or an alert here: see NetWatch::sleep.
    template <typename Condition>
    bool sleep(std::uint32_t alert_seen, Deadline deadline, Condition condition) {
        return watch_.sleep(alert_seen, deadline, std::move(condition));
    }

    /// Two numbers for the messages of a new communicator that this rank leads: this one and the
    /// one after it by second_context(). Any thread. Throws Error{system} when there are no more.
    std::uint32_t take_context();
    std::uint32_t second_context(std::uint32_t first) const { return first + (1u << rank_bits_); }
    /// Those of the world, of Job::messages(), and of queues by name.
    static constexpr std::uint32_t world_context = 0;
    std::uint32_t messages_context() const { return 2u << rank_bits_; }
    std::uint32_t queues_context() const { return 4u << rank_bits_; }

  private:
    RemotePeers::Options options(UniqueFd listener, const JobSecret& secret);

    int rank_;
    JobTable table_;
    // A number is a count and the rank that counted, in so many bits.
    int rank_bits_;
    std::atomic<std::uint32_t> contexts_ = 6;
    std::shared_ptr<NetSleepers> sleepers_ = std::make_shared<NetSleepers>();
    std::shared_ptr<RemotePeers> peers_;
    NetWatch watch_;  // gone before what it watches
};

}  // namespace ipcrun
