// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Copying a long message by both sides at once: whoever is free claims the next chunk. On two free
/// cores that is faster than one copy by one of them.

#include <cstddef>
#include <cstdint>

#include "runtime/channel.hpp"
#include "runtime/lookout.hpp"

namespace ipcrun {

/// While one lives this member may touch memory of others: a member that fails waits for its end.
class Touching {
  public:
    /// Throws like Lookout::check, before anything is touched.
    explicit Touching(Lookout& lookout);
    ~Touching();
    Touching(const Touching&) = delete;
    Lookout& lookout() const { return lookout_; }

  private:
    Lookout& lookout_;
};

class SharedCopy {
  public:
    /// Of `bytes`; both sides give the same. `progress` was reset before the second side saw it.
    SharedCopy(Progress& progress, std::size_t bytes);
    static void reset(Progress& progress);

    bool is_done() const { return progress_.done_chunks.load() >= chunks_; }
    bool has_unclaimed() const { return progress_.next_chunk.load() < chunks_; }

    /// Copies chunks until all are claimed, and rings `peer` when that finished it. Throws like
    /// Lookout::check.
    void work(const Touching& touching, const std::byte* from, std::byte* to, int peer);
    /// Waits until chunks that the other side has claimed are done. However long it takes: memory
    /// is being written. Throws when a member fails.
    void finish(Lookout& lookout);
    /// Says that this side alone has copied all.
    void set_done() { progress_.done_chunks.store(chunks_); }

  private:
    Progress& progress_;
    std::size_t bytes_;
    std::size_t chunk_bytes_;
    std::uint64_t chunks_;
};

}  // namespace ipcrun
