// SPDX-License-Identifier: Apache-2.0
// In-place allreduce of f32, sum, by libipcrun:  ipcrun -n RANKS ipcrun_allreduce BYTES...
// One JSON line a size from rank 0.
#include <algorithm>
#include <cstring>
#include <vector>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "bench/measure.h"
#include "runtime/heap.hpp"
#include "runtime/job.hpp"

using namespace ipcrun;

namespace {

void allreduce(Communicator& world, float* values, std::size_t count) {
    const Part part{values, count, Dtype::f32};
    world.allreduce({&part, 1}, Op::sum);
}

void check_sum(Communicator& world, float* values, std::size_t count) {
    std::fill_n(values, count, static_cast<float>(world.rank() + 1));
    allreduce(world, values, count);
    const auto expected = static_cast<float>(world.size() * (world.size() + 1) / 2);
    check(std::all_of(values, values + count, [&](float value) { return value == expected; }),
          "a sum is wrong");
}

// One operation in microseconds: rank 0's figure, the same on all ranks.
double pilot(Communicator& world, float* values, std::size_t count) {
    double figures[2] = {0, 0};  // elapsed, of one operation
    const Part part{figures, 2, Dtype::f64};
    for (int operations = 1; figures[0] < measure_pilot_us; operations *= 2) {
        const double start = measure_now_us();
        for (int i = 0; i < operations; ++i) allreduce(world, values, count);
        figures[0] = measure_now_us() - start;
        figures[1] = figures[0] / operations;
        world.broadcast({&part, 1}, 0);
    }
    return figures[1];
}

void measure(Job& job, std::size_t bytes) {
    Communicator& world = job.world();
    const std::size_t count = bytes / sizeof(float);
    auto* values = static_cast<float*>(job.heap()->allocate(bytes));
    check(values != nullptr && count > 0, "a size that cannot be measured");
    check_sum(world, values, count);
    std::memset(values, 0, bytes);  // sums of zeros stay what they are
    const measure_plan plan = measure_plan_for(pilot(world, values, count));
    std::vector<double> samples_us(static_cast<std::size_t>(plan.samples));
    for (double& sample : samples_us) {
        const double start = measure_now_us();
        for (int i = 0; i < plan.batch; ++i) allreduce(world, values, count);
        sample = (measure_now_us() - start) / plan.batch;
    }
    if (world.rank() == 0)
        measure_report("allreduce", "ipcrun", world.size(), static_cast<long>(bytes),
                       samples_us.data(), plan.samples);
    job.heap()->deallocate(values);
}

}  // namespace

int main(int argc, char** argv) {
    const auto job = Job::join();
    for (int arg = 1; arg < argc; ++arg)
        measure(*job, parse_number<std::size_t>(argv[arg]).value_or(0));
}
