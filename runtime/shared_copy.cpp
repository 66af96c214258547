// SPDX-License-Identifier: Apache-2.0
#include "runtime/shared_copy.hpp"

#include <algorithm>
#include <cstring>

#include "runtime/streaming_copy.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t chunk_bytes_min = 32 * 1024;
constexpr std::size_t chunk_bytes_max = 1024 * 1024;
constexpr std::size_t chunks_wanted = 8;
// Longer messages are taken to be in no cache when they are read.
constexpr std::size_t streamed_bytes_min = 32 * 1024 * 1024;

// The lower half of Progress::next_chunk: how many chunks were claimed from either end.
constexpr std::uint64_t from_front(std::uint64_t next) {
    return next & 0xffff;
}
constexpr std::uint64_t from_back(std::uint64_t next) {
    return next >> 16 & 0xffff;
}
constexpr std::size_t chunks_max = 0xffff;

std::size_t chunk_bytes_for(std::size_t bytes) {
    const std::size_t wanted = std::clamp(bytes / chunks_wanted, chunk_bytes_min, chunk_bytes_max);
    const std::size_t least = bytes / chunks_max + 1;
    return (std::max(wanted, least) + line_bytes - 1) / line_bytes * line_bytes;
}

}  // namespace

Touching::Touching(Lookout& lookout) : lookout_(lookout) {
    const Group& group = lookout.group();
    // Sequentially consistent: either a failing member sees this and waits for us, or we see the
    // alert that came before it looked.
    group.member(group.rank()).touching.store(1);
    lookout.check();
}

Touching::~Touching() {
    const Group& group = lookout_.group();
    group.member(group.rank()).touching.store(0);
    // Whoever has failed may wait for this.
    if (group.block().failure.load() != 0) group.block().bell.ring_all();
}

SharedCopy::SharedCopy(Progress& progress, std::size_t bytes, std::uint32_t number)
    : progress_(progress),
      bytes_(bytes),
      chunk_bytes_(chunk_bytes_for(bytes)),
      chunks_(std::max<std::uint64_t>((bytes + chunk_bytes_ - 1) / chunk_bytes_, 1)),
      number_(number) {}

void SharedCopy::reset(Progress& progress, std::uint32_t number) {
    progress.next_chunk.store(std::uint64_t{number} << 32);
    progress.done_chunks.store(std::uint64_t{number} << 32);
}

bool SharedCopy::has_unclaimed() const {
    const std::uint64_t next = progress_.next_chunk.load();
    return next >> 32 == number_ && from_front(next) + from_back(next) < chunks_;
}

// Not by adding one: whoever is late would take a chunk from the copy that comes after.
std::optional<std::uint64_t> SharedCopy::claim(bool front) {
    std::uint64_t next = progress_.next_chunk.load();
    while (next >> 32 == number_ && from_front(next) + from_back(next) < chunks_)
        if (progress_.next_chunk.compare_exchange_weak(next, next + (front ? 1 : 1 << 16)))
            return front ? from_front(next) : chunks_ - 1 - from_back(next);
    return std::nullopt;
}

void SharedCopy::work(const Touching& touching, const std::byte* from, std::byte* to, int peer) {
    Lookout& lookout = touching.lookout();
    const Group& group = lookout.group();
    // Each of the two begins at an end of its own: messages there and back find in its cache what
    // it copied last.
    const bool front = group.rank() < peer;
    while (const auto chunk = claim(front)) {
        const std::size_t begin = *chunk * chunk_bytes_;
        const std::size_t bytes = std::min(chunk_bytes_, bytes_ - begin);
        if (group.faults().is_armed()) [[unlikely]] {
            std::memcpy(to + begin, from + begin, bytes / 2);
            lookout.pass(FaultPoint::mid_copy);
        }
        if (bytes_ >= streamed_bytes_min)
            copy_streaming(to + begin, from + begin, bytes);
        else
            std::memcpy(to + begin, from + begin, bytes);
        if ((progress_.done_chunks.fetch_add(1) & chunk_mask) + 1 == chunks_) group.ring_mail(peer);
        lookout.check();
    }
}

void SharedCopy::finish(Lookout& lookout) {
    while (!is_done()) (void)lookout.wait(Deadline::never(), [this] { return is_done(); });
}

}  // namespace ipcrun
