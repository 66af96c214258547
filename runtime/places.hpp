// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Where the parts of all members of one operation lie, and the moving of bytes between them: in
/// the shared heap, or in private memory that is reached through the kernel.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/collective.hpp"
#include "runtime/group.hpp"
#include "runtime/peer_memory.hpp"
#include "runtime/publication.hpp"

namespace ipcrun {

/// Bytes of a member.
struct Place {
    std::byte* local = nullptr;  ///< where they are here; null: reached through the kernel
    PeerMemory peer = {};        ///< whose private memory it is then
    std::uint64_t address = 0;   ///< and where

    Place at(std::size_t offset) const {
        return {local == nullptr ? nullptr : local + offset, peer, address + offset};
    }
    bool operator==(const Place&) const = default;
};

class Places {
  public:
    /// Reads what the members of `group` published for a collective whose arrivals are in `slot`.
    void find(Group& group, const Collective& collective, std::uint32_t slot);
    Place from(int member, std::size_t part) const { return from_[member * parts_ + part]; }
    Place to(int member, std::size_t part) const { return to_[member * parts_ + part]; }

    /// The run to be moved: begin, add, then move.
    void begin_run() {
        sources_.clear();
        destinations_.clear();
        is_remote_ = false;
    }
    void add_source(const Place& place) { add(sources_, place); }
    void add_destination(const Place& place) { add(destinations_, place); }
    /// Copies the one source to all destinations.
    void copy_run(std::size_t bytes);
    /// Combines all sources into all destinations; `next` as in reduce().
    void reduce_run(Op op, Dtype dtype, std::size_t count, std::size_t next);

    /// What `member` published.
    static Place of(Group& group, int member, const PartRef& ref, std::size_t bytes);

  private:
    void add(std::vector<Place>& list, const Place& place) {
        list.push_back(place);
        is_remote_ = is_remote_ || place.local == nullptr;
    }
    std::byte* fetch(const Place& source, std::size_t index, std::size_t bytes);

    std::size_t parts_ = 0;
    std::vector<Place> from_, to_;  // member by member
    std::vector<Place> sources_, destinations_;
    bool is_remote_ = false;  // some source or destination is
    std::vector<const std::byte*> source_data_;
    std::vector<std::byte*> destination_data_;
    std::vector<std::byte> copies_;  // of remote sources
};

}  // namespace ipcrun
