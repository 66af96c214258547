// SPDX-License-Identifier: Apache-2.0
// The yardstick: in-place f32 allreduce by processes over one shared mapping, written out with
// nothing around it. No heap, no errors, no peers that die.
//   limit RANKS BYTES...   one JSON line a size
// Up to `small_bytes` every rank shows its values beside its flag and adds up everybody's: one
// barrier. Above, with a core for each rank: publish, barrier, reduce the own slice from all ranks
// into all ranks, barrier. With more ranks than cores the ranks that are awake claim chunks.
#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "bench/limit_kernel.hpp"
#include "bench/measure.h"
#include "bench/processes.hpp"

using namespace limit;

namespace {

constexpr int ranks_max = 64;
constexpr std::size_t small_bytes = 1024;
constexpr std::size_t chunk_floats = 16384;
constexpr int madv_collapse = 25;  // of Linux 6.1, newer than Debian 12's headers

struct alignas(64) Slot {
    std::atomic<std::uint32_t> sequence;
    float values[small_bytes / sizeof(float) + 15];
};

struct alignas(64) Claims {
    std::atomic<std::uint32_t> next;
    alignas(64) std::atomic<std::uint32_t> done;
};

struct Shared {
    Flag arrived[ranks_max];
    Slot slots[2][ranks_max];  // of even and of odd operations
    alignas(64) std::atomic<std::uint32_t> count;
    Claims claims[2];
    double pilot[2];  // rank 0's: elapsed, of one operation
};

/// One rank's view of the world.
struct Rank {
    int rank;
    int ranks;
    bool crowded;  // more ranks than cores
    Shared& shared;
    std::uint32_t sequence = 0;
    std::uint32_t small_sequence = 0;
    std::uint32_t large_sequence = 0;
    float* buffers[ranks_max] = {};

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

    void barrier() {
        ++sequence;
        shared.arrived[rank].value.store(sequence, std::memory_order_release);
        for (int peer = 0; peer < ranks; ++peer) {
            wait_until([&] {
                const auto seen = shared.arrived[peer].value.load(std::memory_order_acquire);
                return static_cast<std::int32_t>(seen - sequence) >= 0;
            });
        }
    }

    void allreduce_small(std::size_t count) {
        // Nobody writes slot k + 2 before all have read slot k: they arrive at k + 1 in between.
        Slot* slots = shared.slots[++small_sequence % 2];
        std::memcpy(slots[rank].values, buffers[rank], count * sizeof(float));
        slots[rank].sequence.store(small_sequence, std::memory_order_release);
        const float* sources[ranks_max];
        for (int peer = 0; peer < ranks; ++peer) {
            sources[peer] = slots[peer].values;
            wait_until([&] {
                return slots[peer].sequence.load(std::memory_order_acquire) == small_sequence;
            });
        }
        sum_into_one(buffers[rank], sources, ranks, count);
    }

    void allreduce_slices(std::size_t count) {
        const auto cut = [&](int index) {
            return index == ranks ? count
                                  : count * static_cast<std::size_t>(index) /
                                        static_cast<std::size_t>(ranks) / 16 * 16;
        };
        barrier();
        sum_into_all(buffers, ranks, cut(rank), cut(rank + 1));
        barrier();
    }

    void allreduce_claims(std::size_t count) {
        const std::uint32_t turn = ++large_sequence;
        Claims& claims = shared.claims[turn % 2];
        const std::uint32_t everybody = turn * static_cast<std::uint32_t>(ranks);
        if (shared.count.fetch_add(1, std::memory_order_acq_rel) + 1 == everybody) {
            // All have left the operation before: its claims are free for the one after this.
            Claims& next = shared.claims[(turn + 1) % 2];
            next.next.store(0, std::memory_order_relaxed);
            next.done.store(0, std::memory_order_relaxed);
            shared.arrived[0].value.store(turn, std::memory_order_release);
        }
        wait_until([&] {
            return static_cast<std::int32_t>(
                       shared.arrived[0].value.load(std::memory_order_acquire) - turn) >= 0;
        });
        const auto chunks = static_cast<std::uint32_t>((count + chunk_floats - 1) / chunk_floats);
        for (;;) {
            const std::uint32_t chunk = claims.next.fetch_add(1, std::memory_order_relaxed);
            if (chunk >= chunks) break;
            const std::size_t begin = chunk * chunk_floats;
            sum_into_all(buffers, ranks, begin, std::min(begin + chunk_floats, count));
            claims.done.fetch_add(1, std::memory_order_release);
        }
        wait_until([&] { return claims.done.load(std::memory_order_acquire) == chunks; });
    }

    void allreduce(std::size_t count) {
        if (count * sizeof(float) <= small_bytes) {
            allreduce_small(count);
        } else if (crowded) {
            allreduce_claims(count);
        } else {
            allreduce_slices(count);
        }
    }

    /// One operation in microseconds: rank 0's figure, the same on all ranks.
    double pilot(std::size_t count) {
        for (int operations = 1;; operations *= 2) {
            const double start = measure_now_us();
            for (int i = 0; i < operations; ++i) allreduce(count);
            const double elapsed = measure_now_us() - start;
            if (rank == 0) {
                shared.pilot[0] = elapsed;
                shared.pilot[1] = elapsed / operations;
            }
            allreduce(1);
            const double rank_0_elapsed = shared.pilot[0];
            const double operation_us = shared.pilot[1];
            allreduce(1);
            if (rank_0_elapsed >= measure_pilot_us) return operation_us;
        }
    }

    void check_sum(std::size_t count) {
        std::fill_n(buffers[rank], count, static_cast<float>(rank + 1));
        allreduce(count);
        const auto expected = static_cast<float>(ranks * (ranks + 1) / 2);
        if (std::any_of(buffers[rank], buffers[rank] + count,
                        [&](float value) { return value != expected; })) {
            std::fprintf(stderr, "limit: rank %d got a wrong sum of %zu values\n", rank, count);
            std::_Exit(1);
        }
        std::fill_n(buffers[rank], count, 0.0F);
        allreduce(1);
    }

    void measure(std::size_t bytes) {
        const std::size_t count = bytes / sizeof(float);
        check_sum(count);
        const measure_plan plan = measure_plan_for(pilot(count));
        std::vector<double> samples_us(static_cast<std::size_t>(plan.samples));
        for (double& sample : samples_us) {
            const double start = measure_now_us();
            for (int i = 0; i < plan.batch; ++i) allreduce(count);
            sample = (measure_now_us() - start) / plan.batch;
        }
        if (rank == 0) {
            measure_report("allreduce", "limit", ranks, static_cast<long>(bytes), samples_us.data(),
                           plan.samples);
        }
        allreduce(1);
    }
};

int run_allreduce(int ranks, const std::vector<std::size_t>& sizes) {
    const std::vector<int> cpus = allowed_cpus();
    auto& shared = *new (map_shared(sizeof(Shared))) Shared{};
    // One page and one cache line apart, so that equal offsets do not share a set of the cache.
    const std::size_t stride =
        (*std::max_element(sizes.begin(), sizes.end()) + 4095) / 4096 * 4096 + 4096 + 64;
    const std::size_t total = stride * static_cast<std::size_t>(ranks);
    char* memory = static_cast<char*>(map_shared(total));
    std::memset(memory, 0, total);
    (void)madvise(memory, total, madv_collapse);  // huge pages where the kernel gives them
    return run_ranks(ranks, [&](int index) {
        Rank rank{.rank = index,
                  .ranks = ranks,
                  .crowded = static_cast<std::size_t>(ranks) > cpus.size(),
                  .shared = shared};
        pin_to(cpus[static_cast<std::size_t>(index) % cpus.size()]);
        for (int peer = 0; peer < ranks; ++peer) {
            rank.buffers[peer] =
                reinterpret_cast<float*>(memory + stride * static_cast<std::size_t>(peer));
        }
        for (const std::size_t bytes : sizes) rank.measure(bytes);
    });
}

}  // namespace

int main(int argc, char** argv) {
    const int ranks = argc > 2 ? std::atoi(argv[1]) : 0;
    std::vector<std::size_t> sizes;
    for (int arg = 2; arg < argc; ++arg) sizes.push_back(std::strtoul(argv[arg], nullptr, 10));
    if (ranks < 1 || ranks > ranks_max || sizes.empty() ||
        *std::min_element(sizes.begin(), sizes.end()) < sizeof(float)) {
        std::fprintf(stderr, "usage: limit RANKS BYTES...   (1 to %d ranks)\n", ranks_max);
        return 2;
    }
    return run_allreduce(ranks, sizes);
}
