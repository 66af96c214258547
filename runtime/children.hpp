// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Programs that this process starts, each connected with it by messages in shared memory: the
/// engine of Lua's `parallel`. An agent (the program ipcrun-agent), started with the first child,
/// minds them: it tells how they end, and ends them when this process ends, whichever way.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.hpp"
#include "runtime/communicator.hpp"
#include "runtime/wait_any.hpp"

namespace ipcrun {

class Heap;

struct ChildSpec {
    std::string program;            ///< path, or a name that is searched for in PATH
    std::vector<std::string> argv;  ///< argv[0] included
    /// "NAME=value", beside what this process had when it made the Children.
    std::vector<std::string> environment = {};
    /// The secret of the job that this process is in, by Job::secret() or ParentProcess::secret():
    /// the child, which is no rank, has it from ParentProcess::secret().
    std::optional<std::array<std::uint8_t, 32>> secret = std::nullopt;
};

/// How a child ended.
struct ChildEnd {
    int wait_status = 0;         ///< as waitpid(2) gives it
    bool out_of_memory = false;  ///< killed by the kernel for want of memory
    std::string report = {};     ///< the error that ended it, with its traceback; empty: none told

    bool is_good() const { return wait_status == 0; }
    /// "exit status 3", "signal 9 (Killed)", "signal 9 (Killed): out of memory".
    std::string describe() const;
};

/// A child. Used by one thread at a time.
class ChildProcess {
  public:
    struct Impl;
    explicit ChildProcess(std::unique_ptr<Impl> impl);
    ChildProcess(const ChildProcess&) = delete;
    /// Closes the connection: a child that still waits for a message gets peer_lost. The child
    /// itself runs on, until it ends or the agent ends it.
    ~ChildProcess();

    int pid() const;
    /// Two members: 0 is this process, 1 the child. For messages only: no collective operation may
    /// be called. What the child sent before its end can still be received; then, and for whoever
    /// sends, its end is a peer_lost. Memory of the heap of `heap()` is sent without a copy more.
    Communicator& communicator();
    /// Memory of this process that the child can reach.
    const std::shared_ptr<Heap>& heap() const;

    /// How it ended; nullopt while it runs. Does not block.
    std::optional<ChildEnd> end();
    /// Waits for its end; nullopt when the deadline passes.
    std::optional<ChildEnd> wait_end(Deadline deadline = Deadline::never());
    /// Sends a signal to the child's process group; does nothing when it has ended. Throws
    /// Error: usage (there is no such signal), peer_lost (the agent is gone, and with it the
    /// child).
    void signal(int number);

  private:
    std::unique_ptr<Impl> impl_;
};

/// All children of this process, or of one of its threads: any number of these may exist, each with
/// an agent of its own. Used by one thread at a time.
class Children {
  public:
    struct Impl;
    /// Starts the agent, and a thread that blocks all signals and sleeps until the agent speaks or
    /// ends. `agent_program`: the path of ipcrun-agent. Throws Error{system}.
    explicit Children(const std::string& agent_program);
    Children(const Children&) = delete;
    /// As close(), with a grace of 0.5 s; errors are dropped, for the agent ends all by itself.
    /// Does nothing in a child after fork().
    ~Children();

    /// Starts a program; returns when it is executing. Blocks for one exchange with the agent, 30 s
    /// at most. It inherits standard output and error, the environment of the time when the agent
    /// was started, and the working directory of now; its standard input is empty. Throws Error:
    /// system (it cannot be started: why), usage (the arguments are longer than 60 KiB), peer_lost
    /// (the agent is gone), timeout. ChildProcess objects may outlive this one; the children have
    /// ended then.
    std::unique_ptr<ChildProcess> spawn(const ChildSpec& spec);

    /// Ends all children and whatever they started: TERM, and KILL after `grace`. Returns when they
    /// are gone. Throws Error: system (naming how many could not be killed), timeout (the agent
    /// does not answer).
    void close(Seconds grace);

    /// Has every child ended that was ever started? False, too, while nobody knows: when the object
    /// of one that ran was dropped. Does not block.
    bool have_ended() const;

  private:
    std::shared_ptr<Impl> impl_;
};

/// A child's connection with the process that started it.
class ParentProcess {
  public:
    struct Impl;
    /// Null in a process that was not started by Children::spawn, and at every call after the
    /// first, wherever in the process: one part of it is the child. Throws Error as Job::join does.
    static std::unique_ptr<ParentProcess> join();
    /// Was this process, or one that started it, started by Children::spawn? Whether joined or not.
    static bool is_around();
    explicit ParentProcess(std::unique_ptr<Impl> impl);
    ParentProcess(const ParentProcess&) = delete;
    ~ParentProcess();

    int pid() const;
    /// Two members: 0 is the parent, 1 is this process. As ChildProcess::communicator().
    Communicator& communicator();
    const std::shared_ptr<Heap>& heap() const;
    /// The secret of the job that the parent is in; nullopt when it gave none.
    std::optional<std::array<std::uint8_t, 32>> secret() const;
    /// Tells the parent why this process is about to end: message and traceback.
    void report(std::string_view text);

  private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace ipcrun
