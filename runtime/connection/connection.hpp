// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A connection of two processes, or threads, that were not started together: authenticated, and
/// carried by the fastest link that there is between them.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/deadline.hpp"
#include "runtime/connection/link.hpp"

namespace ipcrun {

struct Address;
struct Key;
class Neighbourhood;

/// Which links a connection may take.
enum class LinkChoice : std::uint8_t {
    fastest,  ///< the fastest that there is
    memory,   ///< not by pointers, though both ends may be in one process
    socket,   ///< the socket that it began with
};

struct ConnectionStatistics {
    struct Direction {
        std::uint64_t messages = 0;
        std::uint64_t bytes = 0;  ///< of messages
        double seconds = 0;       ///< spent in calls, waiting included
    };
    Direction sent = {};
    Direction received = {};
};

/// Used by one thread at a time: a call while another thread is in one throws Error{usage}. close()
/// may be called by any. In a child after fork() every call throws usage, and dropping it does
/// nothing.
class Connection {
  public:
    /// Connects to a Server: the socket, the proof of the key, the choice of a link. Waits for one
    /// to listen there until the deadline. `neighbourhood`: what this process's connections share.
    /// Throws what dial() throws.
    static std::shared_ptr<Connection> connect(const Address& address, const Key& key, bool encrypt,
                                               LinkChoice choice,
                                               const std::shared_ptr<Neighbourhood>& neighbourhood,
                                               Deadline deadline);
    struct Impl;
    explicit Connection(std::unique_ptr<Impl> impl);
    Connection(const Connection&) = delete;
    ~Connection();

    /// As of Link, which see; the text of errors names the peer and what was attempted.
    void send(std::span<const std::uint8_t> note, std::span<const Part> parts, int tag,
              Deadline deadline = Deadline::never());
    std::optional<Arrival> wait(int tag, Deadline deadline = Deadline::never());
    bool has_whole(int tag);
    void receive_into(std::span<const Part> parts, int tag, Deadline deadline = Deadline::never());
    Message receive(int tag, Deadline deadline = Deadline::never());

    /// wait(); and what that finds, if it is of u8, has no note and fits into `room`, is received
    /// to where that begins, in the same turn.
    struct Found {
        Arrival arrival;
        bool is_received = false;
    };
    std::optional<Found> wait_or_receive(std::span<std::uint8_t> room, int tag,
                                         Deadline deadline = Deadline::never());

    /// Any thread; idempotent. Calls of this end that wait end with an error. The peer is told, for
    /// which it waits a second at most.
    void close() noexcept;
    /// The same but for the wait, for which close() must follow: of many connections it is common.
    void begin_close() noexcept;
    bool is_closed() const;
    /// Is it known that the peer has ended, closed or is lost? What it had sent before may still be
    /// there. Any thread.
    bool has_peer_gone() const;

    /// Throws Error{usage}, "ATTEMPT: …", in a child after fork().
    void check_ours(std::string_view attempt) const;

    LinkKind link() const;
    /// Why it is this one: "both ends are in one process"; "the peer cannot reach our door:
    /// Connection refused".
    const std::string& link_reason() const;
    bool is_encrypted() const;
    /// The other end in numbers: that of its host, or of this one for Unix sockets; and for people,
    /// with its pid: "10.0.0.2:41000 (pid 812 on node7)".
    std::string peer_host() const;
    const std::string& peer() const;
    ConnectionStatistics statistics() const;

    Impl& impl() { return *impl_; }

  private:
    std::unique_ptr<Impl> impl_;
};

/// The number of the first connection, looking from `first` on and around, that has a message with
/// that tag, or will have none any more because it is closed or lost; nullopt when the deadline
/// passes. All belong to this thread. Cost of a look: one a connection by memory; with sockets a
/// system call.
std::optional<std::size_t> wait_any(std::span<Connection* const> connections, int tag,
                                    std::size_t first, Deadline deadline = Deadline::never());

}  // namespace ipcrun
