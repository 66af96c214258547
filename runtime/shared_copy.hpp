// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Copying a long message by both sides at once: whoever is free claims the next chunk. On two free
/// cores that is faster than one copy by one of them.

#include <cstddef>
#include <cstdint>
#include <optional>

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
    /// Of `bytes`, the copy `number` of those that use `progress`; both sides give the same.
    SharedCopy(Progress& progress, std::size_t bytes, std::uint32_t number = 0);
    /// Begins a copy, before the other side can see it, when the one before is done.
    static void reset(Progress& progress, std::uint32_t number);

    /// Also when others have begun the next already.
    bool is_done() const {
        const std::uint64_t done = progress_.done_chunks.load();
        return done >> 32 != number_ || (done & chunk_mask) >= chunks_;
    }
    bool has_unclaimed() const;

    /// Copies chunks until all are claimed, and rings `peer` when that finished it. Throws like
    /// Lookout::check.
    void work(const Touching& touching, const std::byte* from, std::byte* to, int peer);
    /// Waits until chunks that the other side has claimed are done. However long it takes: memory
    /// is being written. Throws when a member fails.
    void finish(Lookout& lookout);
    /// Says that this side alone has copied all.
    void set_done() { progress_.done_chunks.store(std::uint64_t{number_} << 32 | chunks_); }

  private:
    static constexpr std::uint64_t chunk_mask = 0xffff'ffff;
    std::optional<std::uint64_t> claim(bool front);

    Progress& progress_;
    std::size_t bytes_;
    std::size_t chunk_bytes_;
    std::uint64_t chunks_;
    std::uint32_t number_;
};

}  // namespace ipcrun
