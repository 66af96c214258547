// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a Neighbourhood is made of.

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/fork_guard.hpp"
#include "runtime/connection/door.hpp"
#include "runtime/connection/loop_thread.hpp"
#include "runtime/connection/memory_places.hpp"
#include "runtime/connection/neighbourhood.hpp"
#include "runtime/connection/neighbourhood_id.hpp"
#include "runtime/connection/process_channel.hpp"
#include "runtime/wire/doorbell.hpp"

namespace ipcrun {

struct Neighbourhood::Impl {
    Impl();
    Impl(const Impl&) = delete;
    ~Impl();

    const NeighbourhoodId id;
    /// Of this kernel; empty: not known. Read once, for there may be no descriptors left later.
    const std::string boot_id;

    /// False in a child after fork(), where all of this is the parent's.
    bool is_ours() const { return guard_.is_ours(); }
    /// Throws Error{usage}, "ATTEMPT: …", there.
    void check_ours(std::string_view attempt) const;

    /// The thread; started at the first call. Any thread.
    LoopThread& thread();
    /// Made at the first call. In the thread.
    Door& door();

    /// What all waits for several connections of this neighbourhood may sleep on. Any thread.
    const std::shared_ptr<Doorbell>& doorbell() const { return doorbell_; }
    int doorbell_fd() const { return doorbell_fd_.get(); }
    /// Wakes who sleeps on it, to look around.
    void ring() const { doorbell_->bell().ring_all(); }

    /// One end of a link within this process, on its way from the server to the client: whoever
    /// shows the token has it, once. Any thread.
    std::uint64_t leave_end(ProcessEnd end);
    std::optional<ProcessEnd> take_end(std::uint64_t token);

    MemoryPlaces& places() { return places_; }

  private:
    ForkGuard guard_;
    UniqueFd doorbell_fd_;
    std::shared_ptr<Doorbell> doorbell_;
    MemoryPlaces places_;
    std::mutex mutex_;  // guards what follows, but for the door, which is the thread's
    std::map<std::uint64_t, ProcessEnd> ends_;
    std::unique_ptr<LoopThread> thread_;
    std::unique_ptr<Door> door_;
};

/// While it lives, the neighbourhood's doorbell is rung once one of some descriptors can be read.
/// To be made by who sleeps on the doorbell and has said so. Throws Error{system}.
class RingWhenReadable {
  public:
    RingWhenReadable(Neighbourhood& neighbourhood, std::span<const int> fds);
    RingWhenReadable(const RingWhenReadable&) = delete;
    ~RingWhenReadable();

  private:
    Neighbourhood::Impl& neighbourhood_;
    UniqueFd epoll_;
    FdWatch watch_;  // the thread's
};

}  // namespace ipcrun
