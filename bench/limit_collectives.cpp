// SPDX-License-Identifier: Apache-2.0
// The yardstick: collective operations on f32 by processes over one shared mapping, written out
// with nothing around them. No heap, no errors, no peers that die.
//   limit_collectives RANKS KIND BYTES...   one JSON line a size
// Up to `small_bytes` every rank shows what it gives beside its flag and reads what it gets there.
// Above, with a core for each rank: arrive, do the own share of the work, arrive. With more ranks
// than cores the ranks that are awake claim chunks.
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "bench/limit_work.hpp"
#include "bench/measure.h"
#include "bench/processes.hpp"

using namespace limit;

namespace {

constexpr std::size_t small_bytes = 1024;
constexpr std::size_t chunk_floats_max = 16384;
constexpr std::size_t chunk_floats_min = 1024;
constexpr std::size_t chunks_min = 4;  // two for each of two ranks that are awake
constexpr int madv_collapse = 25;      // of Linux 6.1, newer than Debian 12's headers

struct alignas(64) Slot {
    std::atomic<std::uint32_t> sequence;
    float values[small_bytes / sizeof(float) + 15];
};

struct alignas(64) Claims {
    std::atomic<std::uint32_t> next;
    alignas(64) std::atomic<std::uint32_t> done;
};

/// A rank can be ahead of another by as many rooted operations as there are ranks, since every rank
/// is the root in turn and waits, or is waited for, by all.
constexpr std::uint32_t slots_each = 16;
static_assert(slots_each > ranks_max);

struct Shared {
    Flag arrived[ranks_max];
    Slot slots[slots_each][ranks_max];
    alignas(64) std::atomic<std::uint32_t> count;
    Flag opened;  // the last operation whose chunks may be claimed
    Claims claims[2];
    double figures[2];  // rank 0's, for agree()
};

/// One rank's view of the world.
struct Rank {
    shape form;
    bool crowded;  // more ranks than cores
    Shared& shared;
    memory places[ranks_max];
    std::uint32_t sequence = 0;
    std::uint32_t small_sequence = 0;
    std::uint32_t large_sequence = 0;

    template <typename Condition>
    void wait_until(Condition condition) const {
        while (!condition()) {
            if (crowded) {
                sched_yield();
            } else {
                __builtin_ia32_pause();
            }
        }
    }

    static bool has_come(const std::atomic<std::uint32_t>& flag, std::uint32_t turn) {
        return static_cast<std::int32_t>(flag.load(std::memory_order_acquire) - turn) >= 0;
    }

    void barrier() {
        ++sequence;
        shared.arrived[form.rank].value.store(sequence, std::memory_order_release);
        for (int peer = 0; peer < form.ranks; ++peer)
            wait_until([&] { return has_come(shared.arrived[peer].value, sequence); });
    }

    void run_small(int root) {
        Slot* slots = shared.slots[++small_sequence % slots_each];
        const bool from_root = form.kind == kind_broadcast || form.kind == kind_scatter;
        const bool to_root = form.kind == kind_reduce || form.kind == kind_gather;
        if (!from_root || form.rank == root) {
            std::memcpy(slots[form.rank].values, places[form.rank].given,
                        blocks_given(form) * form.block * sizeof(float));
            slots[form.rank].sequence.store(small_sequence, std::memory_order_release);
        }
        if (to_root && form.rank != root) return;
        const float* shown[ranks_max];
        for (int peer = 0; peer < form.ranks; ++peer) {
            shown[peer] = slots[peer].values;
            if (from_root && peer != root) continue;
            wait_until([&] {
                return slots[peer].sequence.load(std::memory_order_acquire) == small_sequence;
            });
        }
        take_small(shown, root);
    }

    void take_small(const float* const* shown, int root) {
        float* got = places[form.rank].got;
        const std::size_t own = static_cast<std::size_t>(form.rank) * form.block;
        if (is_sum(form.kind)) {
            const float* sources[ranks_max];
            const std::size_t offset = form.kind == kind_reduce_scatter ? own : 0;
            for (int peer = 0; peer < form.ranks; ++peer) sources[peer] = shown[peer] + offset;
            return sum_into_one(got, sources, form.ranks, form.block);
        }
        const std::size_t block_bytes = form.block * sizeof(float);
        if (form.kind == kind_broadcast) {
            std::memcpy(got, shown[root], block_bytes);
        } else if (form.kind == kind_scatter) {
            std::memcpy(got, shown[root] + own, block_bytes);
        } else {
            const std::size_t offset = form.kind == kind_alltoall ? own : 0;
            for (int peer = 0; peer < form.ranks; ++peer, got += form.block)
                std::memcpy(got, shown[peer] + offset, block_bytes);
        }
    }

    void run_shares(const Work& work) {
        const std::size_t size = work.size();
        const auto cut = [&](int index) {
            return index == form.ranks
                       ? size
                       : size * static_cast<std::size_t>(index) /
                             static_cast<std::size_t>(form.ranks) / line_floats * line_floats;
        };
        barrier();
        work.run(cut(form.rank), cut(form.rank + 1));
        barrier();
    }

    void run_claims(const Work& work) {
        const std::uint32_t turn = ++large_sequence;
        Claims& claims = shared.claims[turn % 2];
        const std::uint32_t everybody = turn * static_cast<std::uint32_t>(form.ranks);
        if (shared.count.fetch_add(1, std::memory_order_acq_rel) + 1 == everybody) {
            // All have left the operation before: its claims are free for the one after this.
            Claims& next = shared.claims[(turn + 1) % 2];
            next.next.store(0, std::memory_order_relaxed);
            next.done.store(0, std::memory_order_relaxed);
            shared.opened.value.store(turn, std::memory_order_release);
        }
        wait_until([&] { return has_come(shared.opened.value, turn); });
        const std::size_t chunk_floats =
            std::clamp(work.size() / chunks_min / line_floats * line_floats, chunk_floats_min,
                       chunk_floats_max);
        const auto chunks =
            static_cast<std::uint32_t>((work.size() + chunk_floats - 1) / chunk_floats);
        for (;;) {
            const std::uint32_t chunk = claims.next.fetch_add(1, std::memory_order_relaxed);
            if (chunk >= chunks) break;
            const std::size_t begin = chunk * chunk_floats;
            work.run(begin, std::min(begin + chunk_floats, work.size()));
            claims.done.fetch_add(1, std::memory_order_release);
        }
        wait_until([&] { return claims.done.load(std::memory_order_acquire) == chunks; });
    }

    void run(int turn) {
        const int root = is_rooted(form.kind) ? root_of(form, turn) : 0;
        if (form.kind == kind_barrier) return barrier();
        const std::size_t shown = std::max(blocks_given(form), blocks_got(form)) * form.block;
        if (shown * sizeof(float) <= small_bytes) return run_small(root);
        const Work work(form, places, root);
        if (crowded) return run_claims(work);
        run_shares(work);
    }

    static void operate(void* self, int turn) { static_cast<Rank*>(self)->run(turn); }
    static void agree(void* self, double* figures) {
        auto& rank = *static_cast<Rank*>(self);
        if (rank.form.rank == 0) std::copy_n(figures, 2, rank.shared.figures);
        rank.barrier();
        std::copy_n(rank.shared.figures, 2, figures);
        rank.barrier();
    }
};

void measure(Rank& rank, long bytes) {
    const shape form = rank.form;
    const memory own = rank.places[form.rank];
    fill(form, own);
    rank.barrier();
    rank.run(form.ranks - 1);
    rank.barrier();
    if (!is_right_then_zero(form, own, std::min(own.given, own.got), form.ranks - 1)) {
        std::fprintf(stderr, "limit: rank %d got a wrong result\n", form.rank);
        std::_Exit(1);
    }
    rank.barrier();
    measure_operation({kind_names[form.kind], form.rank, form.ranks, bytes, cycle_of(form), 1.0},
                      {Rank::operate, Rank::agree, &rank});
}

int run_size(int ranks, kind what, long bytes) {
    const std::vector<int> cpus = allowed_cpus();
    auto& shared = *new (map_shared(sizeof(Shared))) Shared{};
    const shape form = shape_of(what, 0, ranks, bytes);
    // One page and one cache line apart, so that equal offsets do not share a set of the cache.
    const std::size_t stride =
        (memory_floats(form) * sizeof(float) + 4095) / 4096 * 4096 + 4096 + 64;
    const std::size_t total = stride * static_cast<std::size_t>(ranks);
    char* start = static_cast<char*>(map_shared_aligned(total));
    std::memset(start, 0, total);
    (void)madvise(start, total, madv_collapse);  // huge pages where the kernel gives them
    const int status = run_ranks(ranks, [&](int index) {
        Rank rank{.form = form,
                  .crowded = static_cast<std::size_t>(ranks) > cpus.size(),
                  .shared = shared,
                  .places = {}};
        pin_to(cpus[static_cast<std::size_t>(index) % cpus.size()]);
        (void)madvise(start, total, MADV_POPULATE_WRITE);  // else the first operations do it
        for (int peer = 0; peer < ranks; ++peer) {
            rank.form.rank = peer;
            auto* memory = start + stride * static_cast<std::size_t>(peer);
            rank.places[peer] = lay_out(rank.form, reinterpret_cast<float*>(memory));
        }
        rank.form.rank = index;
        measure(rank, bytes);
    });
    munmap(start, total);
    return status;
}

}  // namespace

int main(int argc, char** argv) {
    const int ranks = argc > 3 ? std::atoi(argv[1]) : 0;
    const kind what = argc > 3 ? kind_of(argv[2]) : kind_count;
    if (ranks < 1 || ranks > ranks_max || what == kind_count) {
        std::fprintf(stderr, "usage: limit_collectives RANKS KIND BYTES...   (1 to %d ranks)\n",
                     ranks_max);
        return 2;
    }
    for (int arg = 3; arg < argc; ++arg) {
        if (run_size(ranks, what, std::atol(argv[arg])) != 0) return 1;
    }
}
