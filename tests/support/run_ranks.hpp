// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Ranks as threads of one process over one control segment and heap: so that ThreadSanitizer sees
/// the races of the core, and tests need no processes.

#include <signal.h>

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "runtime/node_communicator.hpp"

namespace ipcrun::test {

struct Options {
    int ranks = 2;
    int cpus = 0;            ///< what waiters believe there is; 0: as many as ranks
    std::string fault = "";  ///< as in IPCRUN_FAULT; the struck thread ends as by SIGKILL
    std::function<void()> on_strike = {};  ///< what happens instead of that end
    int struck_status = SIGKILL;           ///< the wait status of a rank that was struck
    std::uint32_t sequence = 0;            ///< of the operation before the first
    AskForEnd ask_for_end = {};            ///< what an agent would do
};

/// What a rank's thread has.
struct Rank {
    std::shared_ptr<NodeMemory> memory;
    std::shared_ptr<Heap> heap;
    Communicator& world;
    int rank;

    template <typename T>
    T* allocate(std::size_t count) {
        return static_cast<T*>(heap->allocate(count * sizeof(T)));
    }
};

struct Struck {};  // thrown where SIGKILL would have struck a process

/// Runs `body` once a rank, each in a thread of its own, and marks every rank as ended when its
/// body returns (status 0), throws (status 1) or is struck (SIGKILL). Returns each rank's
/// exception.
inline std::vector<std::exception_ptr> run_ranks_to_the_end(
    const Options& options, const std::function<void(Rank&)>& body) {
    const int cpus = options.cpus > 0 ? options.cpus : options.ranks;
    auto memory = NodeMemory::create(options.ranks, cpus, 1ull << 30);
    // As if numbers up to `sequence` had been.
    auto& block = *reinterpret_cast<CommunicatorBlock*>(
        memory->control().at(memory->control().header().world_offset));
    for (int rank = 0; rank < options.ranks; ++rank) {
        block.member(rank).completed = options.sequence;
        for (std::uint32_t i = 0; i < operation_slots; ++i) {
            const std::uint32_t past = options.sequence - i;
            block.member(rank).arrivals[past % operation_slots].sequence = past;
        }
    }
    std::vector<std::exception_ptr> outcomes(options.ranks);
    std::vector<std::thread> threads;
    std::vector<int> members;
    for (int rank = 0; rank < options.ranks; ++rank) members.push_back(rank);
    for (int rank = 0; rank < options.ranks; ++rank)
        threads.emplace_back([&, rank] {
            int wait_status = 0;
            try {
                Faults faults;
                if (!options.fault.empty()) faults = Faults(options.fault, rank);
                if (options.on_strike)
                    faults.on_strike(options.on_strike);
                else
                    faults.on_strike([] { throw Struck(); });
                auto heap = std::make_shared<Heap>(memory, rank);
                Identity identity{.id = 0,
                                  .epoch = 0,
                                  .members = members,
                                  .rank = rank,
                                  .block_offset = memory->control().header().world_offset,
                                  .sequence = options.sequence};
                Communicator world(std::make_unique<NodeCommunicator>(heap, identity, faults,
                                                                      options.ask_for_end));
                Rank self{memory, heap, world, rank};
                body(self);
            } catch (const Struck&) {
                wait_status = options.struck_status;
            } catch (...) {
                wait_status = 1 << 8;
                outcomes[rank] = std::current_exception();
            }
            memory->control().mark_ended(rank, wait_status);
        });
    for (std::thread& thread : threads) thread.join();
    return outcomes;
}

/// The same; throws the first exception of a rank.
inline void run_ranks(const Options& options, const std::function<void(Rank&)>& body) {
    for (const std::exception_ptr& outcome : run_ranks_to_the_end(options, body))
        if (outcome) std::rethrow_exception(outcome);
}

}  // namespace ipcrun::test
