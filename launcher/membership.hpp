// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The node's service to ranks that take part in the job: the memory they share, and who of them
/// lives. Ranks ask over their control sockets (runtime/wire/worker_protocol.hpp).

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "base/event_loop.hpp"
#include "base/unique_fd.hpp"
#include "launcher/hosts/wiring.hpp"
#include "launcher/named_queues.hpp"
#include "runtime/wire/control_segment.hpp"
#include "runtime/wire/worker_protocol.hpp"

namespace ipcrun {

class Membership {
  public:
    struct Shape {
        int ranks = 1;
        Wiring* wiring = nullptr;  ///< with ranks on other hosts; null: there are none
        int usable_cpus = 1;
        std::uint64_t arena_bytes = 0;
        /// That of rank 0, which those who join get beside the two memories; -1 and null: none.
        int doorbell_fd = -1;
        std::shared_ptr<Doorbell> doorbell = nullptr;
        bool is_job = true;     ///< and no family: its members share queues by name
        JobSecret secret = {};  ///< zeros: none, as for a family
    };
    struct Callbacks {
        std::function<void(int rank, const Report& report)> report;
        /// A member asks for the end of `rank`, which takes part in the job.
        std::function<void(int rank)> fence;
        /// Nothing comes from `rank` any more, which has closed its end. The agent's end is
        /// whoever's that wants it: the rank may wait for its closing.
        std::function<void(int rank, UniqueFd socket)> closed = {};
    };

    /// Creates the control segment and the shared heap.
    Membership(EventLoop& loop, const Shape& shape, Callbacks callbacks);

    /// The wiring is complete: those that wait for it have joined.
    void let_join();
    /// Something has happened that all ranks should look at.
    void raise_alert() const { segment_.raise_alert(); }
    /// Tells the node where `rank` is bound, before any rank is there to read it.
    void set_place(int rank, const RankPlace& place);
    /// `rank` is process `pid`, which somebody else started, and which gets the memory from the
    /// caller: taken as joined from now on. It can neither ask for anything nor be fenced.
    void add_outsider(int rank, pid_t pid);
    /// That process has ended.
    void outsider_ended(int rank);
    /// The descriptors of control segment and shared heap, borrowed.
    std::array<int, 2> memory() const { return {segment_fd_.get(), heap_fd_.get()}; }
    /// Opens the control socket of `rank` and returns the worker's end.
    UniqueFd open_socket(int rank);
    /// The process that was started as `rank`; to be called before the loop turns again.
    void worker_started(int rank, pid_t pid);
    /// The worker of `rank` has been reaped. Hears what it still had to say, ends the process that
    /// joined in its place (a program under `sh -c`), and then tells the node: from here on nothing
    /// of this rank touches the shared memory.
    void worker_ended(int rank, int wait_status);
    /// Has it said goodbye?
    bool has_left(int rank) const { return segment_.rank(rank).state.load() == RankState::left; }
    /// The first half of that: all that the worker said before it ended has been handled now.
    void hear_out(int rank);

  private:
    struct Member {
        UniqueFd socket;
        FdWatch socket_watch;
        pid_t worker_pid = 0;
        pid_t joined_pid = 0;   // 0: has not joined
        UniqueFd joined_pidfd;  // of a process that joined and is not the worker
        FdWatch joined_watch;
        bool waits_to_join = false;
        bool is_marked = false;  // told of its end in the segment
    };

    void on_readable(int rank);
    /// false when there is nothing more to read now.
    bool read_packet(int rank);
    void read_what_was_said(int rank);
    void handle(int rank, const WorkerMessage& message);
    void join(int rank, const Join& join);
    void welcome(int rank);
    void fence(int rank, int target);
    void open_queue(int rank, const OpenQueue& request);
    void answer(int rank, const WorkerMessage& message, std::span<const int> fds = {});
    void joined_process_ended(int rank);
    void mark_ended(int rank, int wait_status);

    EventLoop& loop_;
    int doorbell_fd_;
    UniqueFd segment_fd_;
    UniqueFd heap_fd_;
    ControlSegment segment_;
    std::vector<Member> members_;
    Callbacks callbacks_;
    bool is_job_;
    Wiring* wiring_;
    NamedQueues queues_;
};

}  // namespace ipcrun
