// SPDX-License-Identifier: Apache-2.0
// One way of a flag between two cores, spun on: tells in which state the machine is.
#include <sched.h>

#include <vector>

#include "bench/measure.h"
#include "bench/processes.hpp"

using namespace limit;

namespace {

constexpr int batches = 51;
constexpr int batch = 400;

int run_canary() {
    const std::vector<int> cpus = allowed_cpus();
    auto* flags = static_cast<Flag*>(map_shared(2 * sizeof(Flag)));
    return run_ranks(2, [&](int index) {
        pin_to(cpus[static_cast<std::size_t>(index) % cpus.size()]);
        std::vector<double> samples_us;
        std::uint32_t turn = 0;
        for (int sample = 0; sample < batches; ++sample) {
            const double start = measure_now_us();
            for (int i = 0; i < batch; ++i) {
                ++turn;
                const auto wait = [&](int peer) {
                    while (flags[peer].value.load(std::memory_order_acquire) != turn) {
                        if (cpus.size() < 2) sched_yield();
                    }
                };
                if (index == 1) wait(0);
                flags[index].value.store(turn, std::memory_order_release);
                if (index == 0) wait(1);
            }
            samples_us.push_back((measure_now_us() - start) / batch / 2);
        }
        if (index == 0) measure_report("canary", 2, 8, samples_us.data(), batches);
    });
}

}  // namespace

int main() {
    return run_canary();
}
