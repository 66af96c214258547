// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A parent's connection with its agent (runtime/wire/family_protocol.hpp): what has been asked
/// for, what has been told, and the death of the agent.
///
/// It has a thread, which sleeps until the agent says something or ends. Nothing simpler is sound:
/// a parent may sleep in a receive, where only a change of shared memory wakes it; when the agent
/// has been killed nobody else is left to make one, and the children, which die with it, cannot.

#include <sys/types.h>

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/child.hpp"
#include "base/socket.hpp"
#include "runtime/children.hpp"
#include "runtime/node_memory.hpp"
#include "runtime/wire/family_protocol.hpp"

namespace ipcrun {

class FamilyLink {
  public:
    /// Starts the agent. Throws Error{system}.
    explicit FamilyLink(const std::string& agent_program);
    FamilyLink(const FamilyLink&) = delete;
    /// Not in a child after fork(), where it would wait for threads that are not there.
    ~FamilyLink() { finish(); }

    /// False in a child after fork(), which may do nothing with this.
    bool is_ours() const;
    /// Throws Error{usage} in a child after fork().
    void check_ours() const;

    const std::shared_ptr<Doorbell>& doorbell() const { return doorbell_; }

    struct Started {
        std::uint32_t id = 0;
        pid_t pid = 0;
        UniqueFd control = {};
        UniqueFd heap = {};
    };
    Started spawn(const ChildSpec& spec);
    /// The memory that is shared with a child: its end is marked there should the agent die.
    void watch(std::uint32_t id, std::shared_ptr<NodeMemory> memory);
    /// Nobody asks about the child any more.
    void forget(std::uint32_t id);
    /// Nobody ever will: kills it, too. Does not throw.
    void abandon(std::uint32_t id);

    std::optional<ChildEnd> end(std::uint32_t id);
    std::optional<ChildEnd> wait_end(std::uint32_t id, Deadline deadline);
    void signal(std::uint32_t id, int number);
    void close(Seconds grace);
    /// As Children::have_ended.
    bool have_ended();

    /// Ends the connection, with it the agent, and with that the children. Does not throw.
    void finish();

  private:
    struct Entry {
        pid_t pid = 0;
        bool is_answered = false;
        UniqueFd control = {}, heap = {};  // until spawn() takes them
        std::string refusal = {};
        std::shared_ptr<NodeMemory> memory = nullptr;
        std::optional<ChildEnd> end = {};
    };
    using Lock = std::unique_lock<std::mutex>;

    Entry await_answer(std::uint32_t id);
    void send(std::string_view attempt, const ToFamilyAgent& message,
              std::span<const int> fds = {});
    [[noreturn]] void fail_without_agent(std::string_view attempt) const;
    template <typename Condition>
    bool wait(Lock& lock, Deadline deadline, Condition condition);

    void start(const std::string& agent_program, int doorbell_fd);
    void start_listener();
    void listen();
    void read();
    void take(Packet& packet);
    void kill_unclaimed(std::uint32_t id);
    void lose_agent();
    void mark_ends();

    const pid_t pid_ = ::getpid();
    std::shared_ptr<Doorbell> doorbell_;  // shared with the memory of each child
    Child agent_;
    UniqueFd socket_;
    UniqueFd stop_;     // tells the thread to end
    std::mutex mutex_;  // guards what follows
    std::condition_variable news_;
    Packet packet_;
    std::map<std::uint32_t, Entry> children_;
    std::uint32_t last_id_ = 0;
    std::optional<std::uint32_t> asked_;   // whose Spawned is waited for
    std::optional<std::uint32_t> closed_;  // survivors of the last close()
    bool is_socket_closed_ = false;
    bool is_agent_gone_ = false;        // and all ends are marked
    bool is_one_out_of_sight_ = false;  // a child that was forgotten while it ran
    std::string agent_end_;             // for people, once it is gone
    std::thread listener_;
    bool is_finished_ = false;
};

}  // namespace ipcrun
