// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Takes connections, in a thread of the neighbourhood, whatever its owner does meanwhile.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/connection/connection.hpp"

namespace ipcrun {

class Server {
  public:
    /// Listens at `address`. Throws Error: system (in use, no such address), config.
    Server(const Address& address, const Key& key, bool encrypt, LinkChoice choice,
           const std::shared_ptr<Neighbourhood>& neighbourhood);
    Server(const Server&) = delete;
    /// Closes all connections that nobody else holds.
    ~Server();

    /// Where it listens: with the port that it got.
    const Address& address() const;

    /// Waits until `count` have come that are not closed or lost: how many there are then; fewer
    /// when the deadline passes. Any thread.
    std::size_t wait_for(std::size_t count, Deadline deadline);
    /// All that have come and are not closed or lost, in that order. Any thread.
    std::vector<std::shared_ptr<Connection>> connections();
    /// Throws Error{usage}, "ATTEMPT: …", in a child after fork().
    void check_ours(std::string_view attempt) const;
    /// Takes note of those that have gone until now, for connections(). Any thread.
    void catch_up();
    /// How often a connection has come, ended or been closed, and close() was called. Any thread.
    std::uint64_t news() const;
    /// Waits until there is more than that: for who looks at connections() after news(), and waits
    /// for what it did not see there. False when the deadline passes. Any thread.
    bool wait_for_news(std::uint64_t seen, Deadline deadline);
    /// Which of them, of those that are wanted, has a message for the user (tag 0), or will have
    /// none any more since it is closed or lost: the next in turn, or with `all` each. Waits for
    /// one; empty when the deadline passes, or when there is more news than `seen`. One thread at a
    /// time: throws Error{usage}; system. Costs the same however many have nothing to say; those
    /// that have, and are not wanted, cost a look each.
    using Wanted = std::function<bool(const Connection&)>;
    std::vector<std::shared_ptr<Connection>> wait_for_message(const Wanted& wanted, bool all,
                                                              std::uint64_t seen,
                                                              Deadline deadline);
    /// For the text of an error: "3 connections were refused, the last: 10.0.0.9:4711: another
    /// key"; empty when none was.
    std::string describe_refusals() const;

    /// Takes no more connections; those that are there stay. Any thread; idempotent.
    void close() noexcept;

  private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace ipcrun
