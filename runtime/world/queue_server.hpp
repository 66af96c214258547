// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A thread by which ranks on other hosts reach the queues of this one; see queue_call.hpp. It
/// sleeps until somebody asks, and while those who wait have nothing to be woken for.

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/futex.hpp"
#include "runtime/hosts/remote_mailbox.hpp"
#include "runtime/world/queue_call.hpp"
#include "runtime/world/served_queue.hpp"
#include "runtime/world/wires.hpp"

namespace ipcrun {

class QueueServer {
  public:
    /// The queue of this name on this host; throws Error.
    using Open = std::function<std::shared_ptr<SharedQueue>(const std::string& name,
                                                            std::uint64_t capacity)>;
    QueueServer(std::shared_ptr<Wires> wires, Open open);
    QueueServer(const QueueServer&) = delete;
    /// Who asks from now on hears that this rank has left. In a child after fork() there is no
    /// thread, and nothing is waited for.
    ~QueueServer();

    /// Has a rank on another host ever opened a queue here?
    bool was_used() const { return was_used_.load(); }
    /// Serves until all ranks on other hosts have ended. `alert` changes when one has.
    void serve_to_the_end(std::atomic<std::uint32_t>& alert);

  private:
    // On its way, and the memory that it is sent from.
    struct Answer {
        QueueAnswer head;
        StoragePtr item;
        std::string text;
        std::unique_ptr<RemoteMailbox::Sending> sending;
    };
    // A call whose item is still coming.
    using Coming = std::unique_ptr<RemoteMailbox::Receiving>;

    void run();
    bool look();
    bool take_calls();
    void forget_ended();
    void refuse(int rank, std::uint32_t id, const Error& error);
    void sleep();
    void serve(const Message& message);
    void serve_call(const QueueCall& call, int rank, const Message& message);
    void open(const QueueCall& call, int rank, const std::string& name);
    void write(const QueueCall& call, int rank, ServedQueue& served, const Message& message);
    void read(const QueueCall& call, int rank, ServedQueue& served);
    void stop(const QueueCall& call, int rank, ServedQueue& served);
    void release(std::uint32_t queue, int rank);
    ServedQueue& served(const QueueCall& call, int rank);
    void answer(int rank, std::uint32_t id, const QueueAnswer& head, StoragePtr item = {},
                std::string text = {});
    void wake_up(int rank, std::uint32_t id);
    bool have_others_ended() const;

    std::shared_ptr<Wires> wires_;  // shared: with the communicators
    Open open_;
    RemoteMailbox mailbox_;
    Bell bell_ = {};
    std::atomic<std::uint64_t> news_ = 0;
    std::atomic<bool> has_ended_ = false;  // some rank
    bool is_to_forget_ = false;
    std::uint64_t news_seen_ = ~std::uint64_t(0);
    std::map<std::uint32_t, ServedQueue> queues_;
    std::map<std::string, std::uint32_t> numbers_;  // of those by name
    std::uint32_t last_number_ = 0;
    std::list<Answer> answers_;
    std::list<Coming> coming_;
    std::vector<Bell*> bells_;
    std::vector<std::shared_ptr<SharedQueue>> held_;  // whose bells it sleeps on
    std::vector<FutexWait> words_;
    std::atomic<bool> was_used_ = false;
    std::atomic<bool> is_over_ = false;
    pid_t pid_;
    std::thread thread_;
};

}  // namespace ipcrun
