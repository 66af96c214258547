// SPDX-License-Identifier: Apache-2.0
// The least that a message of BYTES between two cores can cost:  limit_pingpong BYTES...
// Up to `small_bytes` it lies beside a flag, there and back, half of which is reported. Above: one
// memcpy into warm memory, since nothing that ends in the receiver's memory can be cheaper.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "bench/measure.h"
#include "bench/processes.hpp"

using namespace limit;

namespace {

constexpr std::size_t small_bytes = 1024;

struct alignas(64) Box {
    std::atomic<std::uint32_t> turn;
    char message[small_bytes];
};

struct Shared {
    Box boxes[2];  // each written by the rank of that number
    Flag arrived[2];
    double figures[2];
};

struct Measured {
    int rank;
    bool crowded;  // one core for both
    std::size_t bytes;
    Shared& shared;
    char* from;
    char* to;
    std::uint32_t sent = 0;
    std::uint32_t meetings = 0;

    /// Flags only grow, and may be ahead by one when they are looked at.
    void wait_for(const std::atomic<std::uint32_t>& flag, std::uint32_t value) const {
        while (static_cast<std::int32_t>(flag.load(std::memory_order_acquire) - value) < 0) {
            if (crowded) sched_yield();
        }
    }
    void send() {
        Box& box = shared.boxes[rank];
        std::memcpy(box.message, from, bytes);
        box.turn.store(++sent, std::memory_order_release);
    }
    void receive(std::uint32_t turn) {
        Box& box = shared.boxes[1 - rank];
        wait_for(box.turn, turn);
        std::memcpy(to, box.message, bytes);
    }
    void meet() {
        shared.arrived[rank].value.store(++meetings, std::memory_order_release);
        wait_for(shared.arrived[1 - rank].value, meetings);
    }

    static void exchange(void* self, int /*turn*/) {
        auto& measured = *static_cast<Measured*>(self);
        if (measured.rank == 0) {
            measured.send();
            measured.receive(measured.sent);
        } else {
            measured.receive(measured.sent + 1);
            measured.send();
        }
    }
    static void copy(void* self, int turn) {
        auto& measured = *static_cast<Measured*>(self);
        measured.from[0] = static_cast<char>(turn);
        std::memcpy(measured.to, measured.from, measured.bytes);
        __asm__ volatile("" ::: "memory");  // the copy counts as read
    }
    static void agree(void* self, double* figures) {
        auto& measured = *static_cast<Measured*>(self);
        if (measured.rank == 0) std::copy_n(figures, 2, measured.shared.figures);
        measured.meet();
        std::copy_n(measured.shared.figures, 2, figures);
        measured.meet();
    }
    static void agree_alone(void* /*self*/, double* /*figures*/) {}
};

int run_size(long bytes) {
    const std::vector<int> cpus = allowed_cpus();
    auto& shared = *new (map_shared(sizeof(Shared))) Shared{};
    const bool small = static_cast<std::size_t>(bytes) <= small_bytes;
    return run_ranks(small ? 2 : 1, [&](int rank) {
        pin_to(cpus[static_cast<std::size_t>(rank) % cpus.size()]);
        std::vector<char> from(static_cast<std::size_t>(bytes), 'x');
        std::vector<char> to(from.size(), 'y');
        Measured measured{rank, cpus.size() < 2, from.size(), shared, from.data(), to.data()};
        measure_operation({"pingpong", rank, 2, bytes, 1, small ? 0.5 : 1.0},
                          {small ? Measured::exchange : Measured::copy,
                           small ? Measured::agree : Measured::agree_alone, &measured});
    });
}

}  // namespace

int main(int argc, char** argv) {
    for (int arg = 1; arg < argc; ++arg) {
        if (run_size(std::max(std::atol(argv[arg]), 1L)) != 0) return 1;
    }
}
