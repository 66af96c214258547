// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The agent of a node of a step: what an agent of ipcrun is to the ranks that it started, this is
/// to ranks that somebody else started, who come to it. It gives them the memory that they share,
/// tells them of the ends of others, and goes when the last of them has gone.

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/deadline.hpp"
#include "base/event_loop.hpp"
#include "launcher/hosts/wiring.hpp"
#include "launcher/membership.hpp"
#include "launcher/step/agents.hpp"
#include "launcher/step/door.hpp"
#include "launcher/step/seats.hpp"
#include "runtime/wire/step_protocol.hpp"
#include "topology/machine.hpp"

namespace ipcrun {

class NodeAgent {
  public:
    /// What the machine is for all ranks of a node. What it throws, every rank of the node is told.
    using FindMachine = std::function<topology::Machine(const StepNode&)>;

    /// The agent of a node. `door`: that of the card of its first rank; `agents`: the socket at
    /// that card's Card::agent_address. All has to be there by the deadline. Throws Error{system}.
    NodeAgent(const StepSeats& seats, int node, FindMachine find_machine, UniqueFd door,
              UniqueFd agents, Deadline deadline);

    /// Until all ranks of the node have ended, or until one cannot come, which all others are told.
    /// `first`: the first rank of the node.
    void run(TaskArrival first);

  private:
    struct Rank {
        std::optional<TaskArrival> arrival;  // until it is seated
        UniqueFd process;
        FdWatch process_watch;
        pid_t pid = 0;
        bool is_over = false;
    };

    void prepare();
    void let_in_visitors();
    void arrive(TaskArrival arrival);
    void seat_when_ready();
    void seat(int local, const Seated& seated);
    void end_seen(int local);
    void left(int local, UniqueFd socket);
    void end(int local, int wait_status);
    void stop_when_over();
    void fence(int local);
    void refuse_all(const Error& error);
    void watch_supervisor(pid_t task);
    void supervisor_ended();
    void clear_up();
    void give_up_waiting();
    int count() const { return static_cast<int>(ranks_.size()); }
    int rank_at(int local) const {
        return seats_.node(node_).ranks[static_cast<std::size_t>(local)];
    }

    const StepSeats& seats_;
    int node_;
    FindMachine find_machine_;
    Deadline deadline_;
    EventLoop loop_;
    topology::Machine machine_;
    std::vector<Rank> ranks_;  // by local rank
    UniqueFd door_;
    FdWatch door_watch_;
    UniqueFd agents_socket_;
    std::optional<StepAgents> agents_;
    std::optional<std::vector<int>> tree_parents_;      // when it is planned
    std::vector<std::pair<int, int>> ended_elsewhere_;  // before there was whom to tell
    std::optional<Wiring> wiring_;
    std::optional<Membership> membership_;
    std::vector<UniqueFd> last_sockets_;  // whose closing is the sign of this process's end
    Timer limit_;                         // until all have come
    UniqueFd supervisor_;                 // of the batch system: slurmstepd
    FdWatch supervisor_watch_;
    Timer clearing_;             // until what is left of unsupervised ranks is killed
    std::vector<pid_t> groups_;  // of processes, of these
    bool is_cleared_up_ = false;
    bool has_any_vanished_ = false;  // a rank ended that had not said goodbye
};

}  // namespace ipcrun
