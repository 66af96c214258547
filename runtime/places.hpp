// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Where the parts of all members of one operation lie, and the moving of bytes between them: in
/// the shared heap, or in private memory that is reached through the kernel.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/best_reduce.hpp"
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
    const Place& from(int member, std::size_t part) const { return from_[member * parts_ + part]; }
    const Place& to(int member, std::size_t part) const { return to_[member * parts_ + part]; }

    /// The run to be moved: begin, add, then move. An offset is in bytes.
    void begin_run() {
        source_data_.clear();
        destination_data_.clear();
        if (!is_any_remote_) return;
        sources_.clear();
        destinations_.clear();
    }
    void add_source(const Place& place, std::size_t offset) {
        if (is_any_remote_) return sources_.push_back(place.at(offset));
        source_data_.push_back(place.local + offset);
    }
    void add_destination(const Place& place, std::size_t offset) {
        if (is_any_remote_) return destinations_.push_back(place.at(offset));
        destination_data_.push_back(place.local + offset);
    }
    /// Copies the one source to all destinations.
    void copy_run(std::size_t bytes);
    /// Combines all sources into all destinations; `next` as in reduce().
    void reduce_run(Op op, Dtype dtype, std::size_t count, std::size_t next);

  private:
    Place place_of(Group& group, int member, const HeapRef& ref, std::size_t bytes);
    void copy_remote_run(std::size_t bytes);
    void reduce_remote_run(Op op, Dtype dtype, std::size_t count);
    const std::byte* fetch(const Place& source, std::size_t index, std::size_t bytes);

    Reduce* reduce_ = best_reduce();
    std::size_t parts_ = 0;
    std::vector<Place> from_, to_;  // member by member
    bool is_any_remote_ = false;
    // The run: where it is here, or, when some place of the operation is not, all places.
    std::vector<const std::byte*> source_data_;
    std::vector<std::byte*> destination_data_;
    std::vector<Place> sources_, destinations_;
    std::vector<std::byte> copies_;  // of remote sources
};

}  // namespace ipcrun
