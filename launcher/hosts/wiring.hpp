// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What an agent does so that its ranks and those on other hosts find each other: it listens for
/// each of its ranks before that runs, and keeps the table of all ranks that they read.

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "runtime/wire/job_table.hpp"

namespace ipcrun {

class Wiring {
  public:
    /// Listens at `host` (an address in numbers), at a free port for each of `ranks`. Throws
    /// Error{system}.
    Wiring(const std::string& host, int ranks);
    /// With sockets that listen already, by local rank.
    explicit Wiring(std::vector<UniqueFd> listeners) : listeners_(std::move(listeners)) {}

    /// Where each of its ranks is found: "10.0.0.2:4711".
    std::vector<std::string> addresses() const;
    /// Makes the table: from here on ranks can join.
    void complete(const JobDirectory& directory);
    bool is_complete() const { return table_.has_value(); }
    /// What a rank gets when it joins: the table, and its socket, which is its own from then on.
    struct Gift {
        int table_fd;  ///< borrowed
        UniqueFd listener;
    };
    Gift give(int local_rank);
    /// Nobody will take connections for it any more.
    void close(int local_rank) { listeners_[static_cast<std::size_t>(local_rank)].reset(); }
    /// A rank of the job on another host has ended, perhaps before the table is there.
    void mark_ended(int rank, int wait_status);

  private:
    std::vector<UniqueFd> listeners_;  // by local rank
    UniqueFd table_fd_;
    std::optional<JobTable> table_;
    std::vector<std::pair<int, int>> ended_before_;  // ranks and statuses, until there is a table
};

}  // namespace ipcrun
