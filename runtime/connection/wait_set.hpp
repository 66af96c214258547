// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The connections of a server: which of them may have a message, however many there are, and what
/// is new among them.

#include <array>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/deadline.hpp"
#include "base/event_loop.hpp"
#include "base/unique_fd.hpp"
#include "runtime/connection/neighbourhood_impl.hpp"

namespace ipcrun {

class Connection;

/// Sockets are in an epoll set that tells of each that has got something, once; links by memory
/// leave a mark at the doorbell. Those stand in a queue then, and are looked at in turn, until one
/// has nothing. So a message costs the same among ten connections and ten thousand.
class WaitSet : public std::enable_shared_from_this<WaitSet> {
  public:
    explicit WaitSet(Neighbourhood::Impl& neighbourhood);
    WaitSet(const WaitSet&) = delete;
    ~WaitSet();

    /// Before others have it. Does not own it; it leaves by itself when it is closed.
    void add(const std::shared_ptr<Connection>& connection);

    using Connections = std::vector<std::shared_ptr<Connection>>;
    using Wanted = std::function<bool(const Connection&)>;
    /// Waits until one of those that are wanted, the next in turn, has a message, or will have none
    /// any more; an empty row when the deadline passes, or when there is more news than `seen`.
    /// With `all` it is all that are ready. One thread at a time: throws Error{usage}; system.
    Connections wait(const Wanted& wanted, bool all, std::uint64_t seen, Deadline deadline);

    /// How often one has come, ended or closed. Any thread.
    std::uint64_t news() const;
    void tell_news() noexcept;
    /// False when the deadline passes before there is more than `seen`.
    bool wait_for_news(std::uint64_t seen, Deadline deadline);

    /// Of a connection, by its number here: it may have a message without any event, since it was
    /// used. Any thread.
    void look_again(std::uint64_t number) noexcept;
    /// Before it closes its descriptors.
    void remove(std::uint64_t number) noexcept;

  private:
    struct Entry {
        std::uint64_t number;
        std::weak_ptr<Connection> connection;
        int fd = -1;             // of a socket
        std::uint32_t mark = 0;  // of memory
        bool is_queued = false;
    };
    class Sleep;

    void watch_socket(std::uint64_t number, int fd);
    void queue(std::uint64_t number) noexcept;
    void wake() noexcept;
    void collect(Deadline sockets_until);
    void collect_marks();
    bool has_marks() const;
    std::uint64_t wakes() const;
    std::shared_ptr<Connection> take_turn();
    Connections look(const Wanted& wanted, bool all);
    void yield(Deadline deadline) const;
    void sleep(std::uint64_t wakes_seen, Deadline deadline);
    void set_ringer();
    void ring_when_readable();

    Neighbourhood::Impl& neighbourhood_;
    const UniqueFd sockets_;  // the epoll set
    const UniqueFd wake_up_;  // in it: is told when somebody else has queued something
    FdWatch ringer_;          // the thread's: of sockets_, for who sleeps on the doorbell
    std::atomic<bool> is_ringer_set_ = false;
    std::atomic<bool> is_waited_for_ = false;

    mutable std::mutex mutex_;  // of what follows
    std::condition_variable has_news_;
    std::uint64_t news_ = 0, wakes_ = 0, last_number_ = 0;
    // An entry moves between the two without any memory being taken.
    std::list<Entry> idle_, queue_;
    std::unordered_map<std::uint64_t, std::list<Entry>::iterator> entries_;
    std::size_t socket_count_ = 0;
    std::array<std::uint64_t, Doorbell::marks_max / 64> own_marks_{};
    std::unordered_map<std::uint32_t, std::uint64_t> number_by_mark_;
};

}  // namespace ipcrun
