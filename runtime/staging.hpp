// SPDX-License-Identifier: Apache-2.0
#pragma once
/// One member's side of an operation that is too large to travel inline: where its parts lie for
/// peers, and copies in the shared heap of those that peers cannot or must not use where they lie.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/collective.hpp"
#include "runtime/group.hpp"
#include "runtime/loan.hpp"
#include "runtime/publication.hpp"

namespace ipcrun {

/// Does this member give data, does it get some?
bool gives(const Collective& collective, int rank);
bool gets(const Collective& collective, int rank);

class Staging {
  public:
    /// Finds a place for every part, and copies in. Throws Error{system} when the heap is full.
    void load(Group& group, const Collective& collective);
    /// Writes it down for peers.
    void publish(Group& group, const Collective& collective, std::byte* payload);
    /// Where the result is to be put by this member itself, when counts vary.
    std::byte* own_result() const { return own_result_; }
    /// Copies results to where the caller wants them.
    void unload();
    void clear();

  private:
    struct Copy {
        Part part;
        std::vector<std::int64_t> sizes, strides;  // what `part` borrows from
        Loan loan;
        bool is_result;
    };

    void add(Group& group, const Part& part, bool must_copy, bool is_source, bool is_result);
    std::byte* copy(Heap& heap, const Part& part, bool is_source, bool is_result);

    std::vector<HeapRef> refs_;
    std::size_t from_parts_ = 0;
    std::size_t peer_bytes_min_ = 0;  // private memory from this size on is not copied
    std::vector<Copy> copies_;
    Loan list_;  // of references, when they do not fit beside the arrival flag
    std::byte* own_result_ = nullptr;
};

}  // namespace ipcrun
