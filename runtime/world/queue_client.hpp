// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How a rank asks the one that serves the queues of another host.

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/fork_guard.hpp"
#include "runtime/hosts/remote_mailbox.hpp"
#include "runtime/node_memory.hpp"
#include "runtime/world/queue_call.hpp"
#include "runtime/world/wires.hpp"

namespace ipcrun {

/// Used by any threads at the same time.
class QueueClient {
  public:
    struct Answered {
        std::uint32_t id;  ///< of the call
        QueueAnswer head;
        Message message;
    };

    QueueClient(std::shared_ptr<Wires> wires, std::shared_ptr<NodeMemory> memory);

    /// Sends a call, whose number it gives, with `parts` behind it, and waits for the answer as
    /// long as the serving rank lives. Throws what the answer says; Error: peer_lost, usage (in a
    /// child after fork()). `name`: of the queue, for errors.
    Answered ask(QueueCall call, std::span<const Part> parts, const std::string& name);
    /// Without an answer, and without a wait: of what cannot leave at once nothing is sent.
    void tell(QueueCall call);
    /// The second message for a call.
    std::unique_ptr<RemoteMailbox::Receiving> await_wake_up(std::uint32_t id);
    /// A wake-up that nobody waits for any more, and that comes all the same.
    void disregard(std::unique_ptr<RemoteMailbox::Receiving> wake_up);

    Bell& bell() { return wires_->bell(); }
    /// Takes in what has come. To be done by who is about to sleep on the bell, too.
    void look() const {
        if (is_ours()) wires_->look();
    }
    bool is_ours() const { return guard_.is_ours(); }  ///< false in a child after fork()
    void check_ours(const std::string& name) const;    ///< throws Error{usage} there

  private:
    std::uint32_t next_id();
    template <typename IsDone>
    void wait(Deadline deadline, IsDone is_done);
    [[noreturn]] void fail_lost(const Error& error, const std::string& name);

    std::shared_ptr<Wires> wires_;        // shared: with the communicators
    std::shared_ptr<NodeMemory> memory_;  // shared: with the heap
    ForkGuard guard_;
    std::mutex mutex_;  // of what follows
    RemoteMailbox mailbox_;
    std::uint32_t last_id_ = 0;
    std::vector<std::unique_ptr<RemoteMailbox::Receiving>> disregarded_;
};

}  // namespace ipcrun
