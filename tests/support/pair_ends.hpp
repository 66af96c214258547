// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Worlds of two as an agent makes them: both ends in this process, or one of them in a child that
/// is really killed.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "base/fail.hpp"
#include "runtime/pair.hpp"

namespace ipcrun::test {

/// A parent's doorbell, as everybody maps it who rings it.
class TestDoorbell {
  public:
    std::shared_ptr<Doorbell> open() const { return std::make_shared<Doorbell>(fd_.get()); }

  private:
    UniqueFd fd_ = Doorbell::create();
};

/// The memory of a pair, and what the agent does with it.
class PairMemory {
  public:
    explicit PairMemory(const TestDoorbell& doorbell, std::uint64_t arena_bytes = 1ull << 30)
        : doorbell_(doorbell),
          control_(ControlSegment::create(2, 2, arena_bytes)),
          heap_(create_memfd("ipcrun-heap", 2 * arena_bytes)),
          agent_(control_.get()) {
        agent_.add_doorbell(Pair::parent, doorbell.open());
    }

    /// `doorbell`: the parent's, which all of its pairs share; the child maps it by itself.
    std::unique_ptr<Pair> open(int rank, std::shared_ptr<Doorbell> doorbell = nullptr) const {
        return std::make_unique<Pair>(again(control_), again(heap_),
                                      doorbell == nullptr ? doorbell_.open() : std::move(doorbell),
                                      rank);
    }
    /// The process of `rank` has ended.
    void end(int rank, int wait_status) const { agent_.mark_ended(rank, wait_status); }
    /// What both memories hold.
    std::uint64_t held_bytes() const { return held_bytes(control_) + held_bytes(heap_); }

  private:
    static UniqueFd again(const UniqueFd& fd) {
        UniqueFd copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
        check(static_cast<bool>(copy), "a descriptor cannot be duplicated");
        return copy;
    }
    static std::uint64_t held_bytes(const UniqueFd& fd) {
        struct stat status {};
        check(::fstat(fd.get(), &status) == 0, "a memory cannot be looked at");
        return static_cast<std::uint64_t>(status.st_blocks) * 512;
    }

    const TestDoorbell& doorbell_;
    UniqueFd control_;
    UniqueFd heap_;
    ControlSegment agent_;
};

/// A child process that is one end of a pair, with an agent that marks its end.
class PairChild {
  public:
    /// `fault`: as in IPCRUN_FAULT, where the child is rank 1. It exits when `body` returns: with
    /// status 1 after an exception.
    PairChild(const PairMemory& memory, const std::string& fault,
              const std::function<void(Pair&)>& body)
        : pid_(::fork()) {
        check(pid_ >= 0, "fork() has failed");
        if (pid_ == 0) {
            ::setenv("IPCRUN_FAULT", fault.c_str(), 1);
            if (fault.empty()) ::unsetenv("IPCRUN_FAULT");
            int status = 1;
            try {
                const auto pair = memory.open(Pair::child);
                body(*pair);
                status = 0;
            } catch (const std::exception&) {
            }
            ::_exit(status);
        }
        agent_ = std::thread([this, &memory] {
            int status = 0;
            (void)::waitpid(pid_, &status, 0);
            memory.end(Pair::child, status);
        });
    }
    ~PairChild() { agent_.join(); }
    PairChild(const PairChild&) = delete;

    /// Only before it has ended by itself.
    void kill() const { (void)::kill(pid_, SIGKILL); }

  private:
    pid_t pid_;
    std::thread agent_;
};

inline Error error_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const Error& error) {
        return error;
    }
    return Error(ErrorCode::internal, "no error came");
}

inline void send_bytes(Communicator& to, int member, const std::vector<std::uint8_t>& bytes,
                       int tag = 0, Deadline deadline = Deadline::never()) {
    const Part part{const_cast<std::uint8_t*>(bytes.data()), bytes.size(), Dtype::u8};
    to.send({&part, 1}, member, tag, deadline);
}

}  // namespace ipcrun::test
