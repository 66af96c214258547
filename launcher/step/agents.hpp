// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The agents of a step's nodes, each connected with each: who tells the others how its ranks end.
/// That of node 0 also plans. None is needed by the others for longer than it has ranks: a batch
/// system kills whatever is on a node as soon as the last task of the node has ended.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/deadline.hpp"
#include "base/event_loop.hpp"
#include "launcher/step/agent_link.hpp"
#include "launcher/step/messages.hpp"
#include "launcher/step/seats.hpp"
#include "runtime/stream/acceptor.hpp"

namespace ipcrun {

class StepAgents {
  public:
    struct Callbacks {
        /// All agents have met each other, and it is planned: the parent of each rank in the tree
        /// of the world. Once; from the constructor where there is one node alone.
        std::function<void(const std::vector<int>& tree_parents)> ready;
        /// A rank on another node has ended: as waitpid(2) gives it, or host_lost_status or
        /// agent_lost_status.
        std::function<void(int rank, int wait_status)> ended;
    };

    /// Connects to the agents of all nodes before `node`, and hears in the loop from those behind.
    /// `listener`: at Card::agent_address of this node's leader; `machine`: what the node is.
    /// Blocks, until the deadline at most. Throws Error; so does the loop when an agent is lost
    /// before all is ready.
    StepAgents(EventLoop& loop, const StepSeats& seats, int node, const topology::Machine& machine,
               UniqueFd listener, Deadline deadline, Callbacks callbacks);

    /// A rank of this node has ended; not before `ready` has been called.
    void tell_of_end(int rank, int wait_status);
    /// Waits until all that was said has left; for a moment at most.
    void flush();
    /// Have the ranks of all other nodes ended?
    bool are_others_over() const;
    /// "node h2, node h3": those that have not come yet; on node 0, when all have, those that wait
    /// for one of the others. Empty: none.
    std::string missing() const;

  private:
    struct Other {
        int node = -1;  // not known until it has said so
        std::unique_ptr<AgentLink> link = nullptr;
    };

    SecureStream call(int other, Deadline deadline) const;
    void connect(SecureStream stream, int node);
    void receive(Other& other, const StepMessage& message);
    void act(Other& other, const AgentHere& here);
    void act(Other& other, const MetAll& met);
    void act(Other& other, const StepPlan& plan);
    void act(Other& other, const RankOver& over);
    void act(Other&, const StillHere&) {}
    void note_end(int rank, int wait_status);
    void lose(Other& other, const std::string& why, int wait_status);
    bool are_over(const StepNode& node) const;
    void meet_all();
    void plan_when_all_have_met();
    void get_ready(const std::vector<int>& tree_parents);
    int nodes() const { return static_cast<int>(seats_.nodes.size()); }

    EventLoop& loop_;
    const StepSeats& seats_;
    int node_;
    Callbacks callbacks_;
    topology::Machine machine_;
    // By node, where it is planned: of those that have met all.
    std::vector<std::optional<topology::Machine>> machines_;
    std::vector<std::unique_ptr<Other>> others_;
    std::vector<bool> is_there_;   // by node: has said who it is
    int absent_;                   // how many of the others have not
    std::vector<bool> has_ended_;  // by rank
    bool is_ready_ = false;
    std::optional<Acceptor> acceptor_;
};

}  // namespace ipcrun
