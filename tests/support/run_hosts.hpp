// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Ranks of several hosts as threads of one process: a control segment and a heap for each host,
/// streams over loopback between them.

#include <signal.h>

#include <exception>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "base/stream_socket.hpp"
#include "runtime/world/hosts_communicator.hpp"

namespace ipcrun::test {

struct HostsOptions {
    std::vector<int> ranks_on = {1, 1};  ///< by host
    bool cyclic = false;  ///< rank r is on host r modulo hosts, in the place of one after the other
    int cpus = 0;         ///< what waiters of a host believe there is; 0: as many as ranks
    std::uint64_t arena_bytes = 1ull << 30;
    bool deterministic = false;
    std::vector<int> parents = {};  ///< as planned, by rank; empty: all are below rank 0
};

/// What a rank's thread has.
struct HostRank {
    std::shared_ptr<Heap> heap;
    std::shared_ptr<Wires> wires;
    Communicator& world;
    int rank;
    int host;
};

/// All hosts, before any rank is there.
class PretendHosts {
  public:
    explicit PretendHosts(const HostsOptions& options) : is_deterministic_(options.deterministic) {
        const int hosts = static_cast<int>(options.ranks_on.size());
        directory_.hosts.reserve(static_cast<std::size_t>(hosts));
        std::vector<int> left = options.ranks_on;
        for (int host = 0; host < hosts; ++host) {
            const int ranks = left[index(host)];
            directory_.hosts.push_back("h" + std::to_string(host));
            memories_.push_back(NodeMemory::create(ranks, options.cpus > 0 ? options.cpus : ranks,
                                                   options.arena_bytes));
        }
        const int size = std::accumulate(left.begin(), left.end(), 0);
        std::vector<std::uint32_t> next(index(hosts));
        for (int rank = 0, host = 0; rank < size; ++rank) {
            while (left[index(host)] == 0) host = (host + 1) % hosts;
            --left[index(host)];
            listeners_.push_back(listen_at(Address{.host = "127.0.0.1"}));
            directory_.seats.push_back({static_cast<std::uint32_t>(host), next[index(host)]++,
                                        format_address(own_address(listeners_.back().get())),
                                        rank == 0 ? 0u : 1u});
            if (options.cyclic) host = (host + 1) % hosts;
        }
        for (std::size_t rank = 0; rank < options.parents.size(); ++rank)
            directory_.seats[rank].tree_parent =
                static_cast<std::uint32_t>(options.parents[rank] + 1);
        for (int host = 0; host < hosts; ++host) tables_.push_back(JobTable::create(directory_));
        secret_.fill(7);
    }

    int size() const { return static_cast<int>(directory_.seats.size()); }
    int host_of(int rank) const { return static_cast<int>(directory_.seats[index(rank)].host); }
    const std::shared_ptr<NodeMemory>& memory(int host) const { return memories_[index(host)]; }

    std::shared_ptr<Wires> join(int rank) {
        return std::make_shared<Wires>(rank, JobTable(tables_[index(host_of(rank))].get()),
                                       std::move(listeners_[index(rank)]), secret_,
                                       memories_[index(host_of(rank))]);
    }
    /// As Job makes it.
    Communicator world(int rank, const std::shared_ptr<Wires>& wires,
                       const std::shared_ptr<Heap>& heap) const {
        const ControlHeader& header = memory(host_of(rank))->control().header();
        std::vector<int> all(index(size()));
        std::iota(all.begin(), all.end(), 0);
        return Communicator(std::make_unique<HostsCommunicator>(
            HostsParts{.wires = wires,
                       .ranks = all,
                       .context = Wires::world_context,
                       .for_messages = node(rank, heap, header.world_offset),
                       .for_collectives = node(rank, heap, header.steps_offset)}));
    }
    /// What agents do when a rank has ended.
    void mark_ended(int rank, int wait_status) const {
        const auto local = static_cast<int>(directory_.seats[index(rank)].local_rank);
        memory(host_of(rank))->control().mark_ended(local, wait_status);
        for (int host = 0; host < static_cast<int>(memories_.size()); ++host) {
            if (host == host_of(rank)) continue;
            JobTable(tables_[index(host)].get()).mark_ended(rank, wait_status);
            memory(host)->control().raise_alert();
        }
    }

  private:
    static std::size_t index(int number) { return static_cast<std::size_t>(number); }
    std::unique_ptr<NodeCommunicator> node(int rank, const std::shared_ptr<Heap>& heap,
                                           std::uint64_t block_offset) const {
        const int host = host_of(rank);
        Identity identity;
        for (int other = 0; other < size(); ++other)
            if (host_of(other) == host) identity.ranks.push_back(other);
        identity.called = identity.ranks;
        identity.members.resize(identity.ranks.size());
        std::iota(identity.members.begin(), identity.members.end(), 0);
        identity.rank = static_cast<int>(directory_.seats[index(rank)].local_rank);
        identity.block_offset = block_offset;
        identity.is_deterministic = is_deterministic_;
        return std::make_unique<NodeCommunicator>(heap, std::move(identity));
    }

    JobDirectory directory_;
    std::vector<std::shared_ptr<NodeMemory>> memories_;  // by host
    std::vector<UniqueFd> listeners_;                    // by rank
    std::vector<UniqueFd> tables_;                       // by host
    JobSecret secret_ = {};
    bool is_deterministic_;
};

/// Runs `body` once a rank, each in a thread of its own, and marks every rank as ended when its
/// body returns (status 0) or throws (status 1). Returns each rank's exception.
inline std::vector<std::exception_ptr> run_hosts_to_the_end(
    const HostsOptions& options, const std::function<void(HostRank&)>& body) {
    PretendHosts hosts(options);
    std::vector<std::exception_ptr> outcomes(static_cast<std::size_t>(hosts.size()));
    std::vector<std::thread> threads;
    for (int rank = 0; rank < hosts.size(); ++rank)
        threads.emplace_back([&, rank] {
            int wait_status = 0;
            const int host = hosts.host_of(rank);
            try {
                const auto wires = hosts.join(rank);
                const auto& memory = hosts.memory(host);
                const auto heap =
                    std::make_shared<Heap>(memory, wires->table().local_rank_of(rank));
                Communicator world = hosts.world(rank, wires, heap);
                HostRank self{heap, wires, world, rank, host};
                body(self);
            } catch (...) {
                wait_status = 1 << 8;
                outcomes[static_cast<std::size_t>(rank)] = std::current_exception();
            }
            hosts.mark_ended(rank, wait_status);
        });
    for (std::thread& thread : threads) thread.join();
    return outcomes;
}

/// The same; throws the first exception of a rank.
inline void run_hosts(const HostsOptions& options, const std::function<void(HostRank&)>& body) {
    for (const std::exception_ptr& outcome : run_hosts_to_the_end(options, body))
        if (outcome) std::rethrow_exception(outcome);
}

}  // namespace ipcrun::test
