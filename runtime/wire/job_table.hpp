// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What ranks have to know of those on other hosts: where each of them is, at which address it
/// listens, where it is in the tree of all, and whether it has ended. Each host's agent makes one,
/// and alone writes to it; its ranks map it when they join.

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/mapping.hpp"
#include "base/unique_fd.hpp"
#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

/// All ranks of a job, as the launcher knows them before any of them runs.
struct JobDirectory {
    struct Seat {
        std::uint32_t host = 0;  ///< index into `hosts`
        std::uint32_t local_rank = 0;
        std::string address;            ///< where it listens: "10.0.0.2:4711"
        std::uint32_t tree_parent = 0;  ///< 1 + its parent in the tree of the world; 0: the root
        bool operator==(const Seat&) const = default;
    };
    std::vector<std::string> hosts;  ///< their names
    std::vector<Seat> seats;         ///< by rank in the job
    bool operator==(const JobDirectory&) const = default;
};

/// In the place of a wait status: its host has failed, or cannot be reached.
constexpr int host_lost_status = -1;
/// Or: its agent has ended without a word about it, as where somebody clears up a host.
constexpr int agent_lost_status = -2;

class JobTable {
  public:
    /// The descriptor is for handing on to ranks. Throws Error{usage} for a directory whose seats
    /// name hosts that it does not have or make no tree, or names and addresses of more than 255
    /// bytes.
    static UniqueFd create(const JobDirectory& directory);
    /// Maps what create() made; throws Error{protocol} when it is something else.
    explicit JobTable(int fd);

    int ranks() const;
    int hosts() const;
    int host_of(int rank) const;
    int local_rank_of(int rank) const;
    std::string_view host_name(int host) const;
    std::string_view address_of(int rank) const;
    /// In the tree that the launcher planned: of each rank, -1 at the root.
    std::vector<int> tree_parents() const;
    /// The ranks on a host, by local rank.
    std::vector<int> ranks_on(int host) const;

    /// Records how a rank ended, as far as its peers elsewhere need to know: once; later calls
    /// change nothing. The alert of the control segment is to be raised after it.
    void mark_ended(int rank, int wait_status) const;
    /// absent while it is not known to have ended; then exited or failed.
    RankState state_of(int rank) const;
    int wait_status_of(int rank) const;

  private:
    struct Header;
    struct Entry;
    const Header& header() const { return *reinterpret_cast<const Header*>(mapping_.data()); }
    Entry& entry(int rank) const;

    Mapping mapping_;
};

}  // namespace ipcrun
