// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Ranks of a job, each as if on a host of its own: threads or processes of a test, over loopback.

#include <doctest/doctest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/fail.hpp"
#include "base/stream_socket.hpp"
#include "runtime/hosts/remote_mailbox.hpp"

namespace ipcrun::testing {

using SendingPtr = std::unique_ptr<RemoteMailbox::Sending>;
using ReceivingPtr = std::unique_ptr<RemoteMailbox::Receiving>;

inline Deadline soon() {
    return Deadline::after(Seconds(60));
}

inline std::vector<std::uint8_t> pattern(std::size_t bytes, unsigned seed) {
    std::vector<std::uint8_t> result(bytes);
    std::uint32_t state = seed * 2654435761u + 1;
    for (auto& byte : result)
        byte = static_cast<std::uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
    return result;
}

template <typename T>
Part part_of(std::vector<T>& items) {
    constexpr Dtype dtype = sizeof(T) == 1 ? Dtype::u8 : sizeof(T) == 4 ? Dtype::i32 : Dtype::i64;
    return {.data = items.data(), .count = items.size(), .dtype = dtype};
}

/// Where the ranks listen, before any of them is there.
class World {
  public:
    explicit World(int ranks) {
        for (int rank = 0; rank < ranks; ++rank) {
            listeners_.push_back(listen_at(Address{.host = "127.0.0.1"}));
            peers_.push_back({own_address(listeners_.back().get()),
                              fmt::format("rank {} on host h{}", rank, rank)});
        }
        secret.fill(7);
    }

    int size() const { return static_cast<int>(peers_.size()); }
    Address& address(int rank) { return peers_[static_cast<std::size_t>(rank)].address; }
    UniqueFd take_listener(int rank) {
        return std::move(listeners_[static_cast<std::size_t>(rank)]);
    }

    RemotePeers::Options options(int rank) {
        RemotePeers::Options result;
        result.rank = rank;
        result.peers = peers_;
        result.secret = secret;
        result.listener = take_listener(rank);
        result.encrypt = encrypt;
        if (make_fabric && !encrypt) result.fabric = make_fabric(rank);
        return result;
    }
    std::shared_ptr<RemotePeers> join(int rank) {
        return std::make_shared<RemotePeers>(options(rank));
    }

    JobSecret secret = {};
    bool encrypt = false;
    /// The fabric of a rank: none, unless IPCRUN_FABRIC names one for all tests.
    std::function<std::shared_ptr<Fabric>(int rank)> make_fabric = [this](int rank) {
        return std::getenv(fabric_variable) == nullptr
                   ? nullptr
                   : load_fabric(fabric_wish(), address(rank), false);
    };

  private:
    std::vector<UniqueFd> listeners_;
    std::vector<RemotePeer> peers_;
};

/// Goes on with all of these until the condition holds: false when the deadline passes.
inline bool progress_until(const std::vector<RemotePeers*>& all,
                           const std::function<bool()>& condition, Deadline deadline = soon()) {
    std::vector<pollfd> fds;
    for (RemotePeers* const peers : all) fds.push_back({peers->fd(), POLLIN, 0});
    for (int idle = 0;; ++idle) {
        bool moved = false;
        for (RemotePeers* const peers : all) moved = peers->progress() || moved;
        if (condition()) return true;
        if (deadline.has_passed()) return false;
        if (moved) idle = 0;
        if (idle < 10) continue;
        // Within the deadline also where nothing comes any more.
        (void)::poll(fds.data(), fds.size(), std::min(deadline.remaining_ms(), 100));
    }
}

/// One rank with a mailbox of all ranks, and calls that wait.
class Member {
  public:
    Member(World& world, int rank, std::uint32_t context = 1)
        : Member(world.join(rank), world.size(), rank, context) {}
    Member(std::shared_ptr<RemotePeers> shared, int size, int rank, std::uint32_t context = 1)
        : peers(std::move(shared)), box(peers, context, all(size), rank) {}

    static std::vector<int> all(int size) {
        std::vector<int> result;
        for (int rank = 0; rank < size; ++rank) result.push_back(rank);
        return result;
    }

    template <typename Operation>
    void wait(const Operation& operation, Deadline deadline = soon()) {
        if (!progress_until(
                {peers.get()}, [&] { return operation->is_done(); }, deadline))
            fail(ErrorCode::timeout, "a message between hosts: timed out");
        if (operation->error() != nullptr) throw Error(*operation->error());
    }
    template <typename T>
    void send(std::vector<T>& items, int to, int tag, Deadline deadline = soon()) {
        const Part part = part_of(items);
        wait(box.start_send({&part, 1}, to, tag), deadline);
    }
    template <typename T>
    Envelope receive(std::vector<T>& items, int from, int tag, Deadline deadline = soon()) {
        const Part part = part_of(items);
        const auto receiving = box.start_receive(std::span(&part, 1), from, tag);
        wait(receiving, deadline);
        return receiving->envelope();
    }
    Message receive_any(int from, int tag, Deadline deadline = soon()) {
        const auto receiving = box.start_receive(std::nullopt, from, tag);
        wait(receiving, deadline);
        return receiving->take();
    }

    std::shared_ptr<RemotePeers> peers;
    RemoteMailbox box;
};

/// Two ranks that one thread carries on.
struct Pair {
    World world{2};
    Member a{world, 0}, b{world, 1};

    bool until(const std::function<bool()>& condition, Deadline deadline = soon()) {
        return progress_until({a.peers.get(), b.peers.get()}, condition, deadline);
    }
    template <typename Operation>
    void wait(const Operation& operation) {
        CHECK(until([&] { return operation->is_done(); }));
    }
    template <typename T>
    SendingPtr send(std::vector<T>& items, int tag) {
        const Part part = part_of(items);
        return a.box.start_send({&part, 1}, 1, tag);
    }
    template <typename T>
    ReceivingPtr receive(std::vector<T>& items, int tag, int from = 0) {
        const Part part = part_of(items);
        return b.box.start_receive(std::span(&part, 1), from, tag);
    }
};

/// The Error that `act` throws; fails the test when it throws none.
template <typename Act>
Error error_of(Act act) {
    try {
        act();
    } catch (const Error& error) {
        return error;
    } catch (const std::exception& error) {
        return Error(ErrorCode::internal, error.what());
    }
    return Error(ErrorCode::internal, "no error at all");
}

/// Runs `body` for each rank in a thread of its own; throws what the first of them has thrown.
inline void run_ranks(int ranks, const std::function<void(int)>& body) {
    std::vector<std::thread> threads;
    std::vector<std::string> errors(static_cast<std::size_t>(ranks));
    for (int rank = 0; rank < ranks; ++rank)
        threads.emplace_back([&, rank] {
            try {
                body(rank);
            } catch (const std::exception& error) {
                errors[static_cast<std::size_t>(rank)] = error.what();
            }
        });
    for (std::thread& thread : threads) thread.join();
    for (const std::string& error : errors) CHECK(error == "");
}

/// A rank in a process of its own.
class RankProcess {
  public:
    explicit RankProcess(const std::function<void()>& body) {
        pid_ = check_syscall(::fork(), "fork");
        if (pid_ != 0) return;
        try {
            body();
        } catch (const std::exception& error) {
            fmt::print(stderr, "a rank of a test: {}\n", error.what());
            ::_exit(1);
        }
        ::_exit(0);
    }
    RankProcess(const RankProcess&) = delete;
    ~RankProcess() {
        if (pid_ <= 0) return;
        (void)::kill(pid_, SIGKILL);
        (void)::waitpid(pid_, nullptr, 0);
    }
    void signal(int number) const { (void)::kill(pid_, number); }
    /// As of waitpid(2).
    int wait() {
        int status = -1;
        (void)::waitpid(std::exchange(pid_, -1), &status, 0);
        return status;
    }

  private:
    pid_t pid_ = -1;
};

}  // namespace ipcrun::testing
