// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Ranks as threads, as in run_ranks.hpp, that have nothing but a group and a mailbox.

#include <signal.h>

#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runtime/mailbox.hpp"

namespace ipcrun::test {

struct MailboxOptions {
    int ranks = 2;
    int cpus = 0;            ///< what waiters believe there is; 0: as many as ranks
    std::string fault = "";  ///< as in IPCRUN_FAULT; the struck thread ends as by SIGKILL
    std::uint64_t arena_bytes = 1ull << 30;
};

struct MailboxRank {
    std::shared_ptr<NodeMemory> memory;
    std::shared_ptr<Heap> heap;
    Group& group;
    Mailbox& mail;
    int rank;

    template <typename T>
    T* allocate(std::size_t count) {
        return static_cast<T*>(heap->allocate(count * sizeof(T)));
    }
};

struct MailboxStruck {};  // thrown where SIGKILL would have struck a process

/// What a rank has that its end by a signal would not destroy in good order.
struct Remains {
    std::unique_ptr<Group> group;
    std::unique_ptr<Mailbox> mail;
};

/// Keeps it for good: a killed process runs no destructors.
inline void bury(Remains remains) {
    static std::mutex mutex;
    static auto& graves = *new std::vector<Remains>();
    const std::lock_guard lock(mutex);
    graves.push_back(std::move(remains));
}

/// Runs `body` once a rank and marks every rank as ended when its body returns (status 0), throws
/// (1) or is struck (SIGKILL). Throws the first exception of a rank.
inline void run_mailboxes(const MailboxOptions& options,
                          const std::function<void(MailboxRank&)>& body) {
    const int cpus = options.cpus > 0 ? options.cpus : options.ranks;
    auto memory = NodeMemory::create(options.ranks, cpus, options.arena_bytes);
    std::vector<std::exception_ptr> outcomes(static_cast<std::size_t>(options.ranks));
    std::vector<std::thread> threads;
    std::vector<int> members;
    for (int rank = 0; rank < options.ranks; ++rank) members.push_back(rank);
    for (int rank = 0; rank < options.ranks; ++rank)
        threads.emplace_back([&, rank] {
            int wait_status = 0;
            Remains own;
            try {
                Faults faults;
                if (!options.fault.empty()) faults = Faults(options.fault, rank);
                faults.on_strike([] { throw MailboxStruck(); });
                auto heap = std::make_shared<Heap>(memory, rank);
                Identity identity{.id = 0,
                                  .epoch = 0,
                                  .members = members,
                                  .rank = rank,
                                  .block_offset = memory->control().header().world_offset,
                                  .sequence = 0};
                own.group = std::make_unique<Group>(heap, identity, faults);
                own.mail = std::make_unique<Mailbox>(*own.group);
                MailboxRank self{memory, heap, *own.group, *own.mail, rank};
                body(self);
                own.mail.reset();
            } catch (const MailboxStruck&) {
                wait_status = SIGKILL;
                bury(std::move(own));
            } catch (...) {
                own.mail.reset();
                wait_status = 1 << 8;
                outcomes[static_cast<std::size_t>(rank)] = std::current_exception();
            }
            memory->control().mark_ended(rank, wait_status);
        });
    for (std::thread& thread : threads) thread.join();
    for (const std::exception_ptr& outcome : outcomes)
        if (outcome) std::rethrow_exception(outcome);
}

}  // namespace ipcrun::test
