// SPDX-License-Identifier: Apache-2.0
// What ranks burn that wait for one that sleeps:  ipcrun -n 9 ipcrun_idle barrier|receive SECONDS
// The last rank sleeps; rank 0 prints the CPU time of all others together, in % of one core.
#include "bench/idle.h"

#include <cstring>

#include "base/text.hpp"
#include "runtime/job.hpp"

using namespace ipcrun;

namespace {

void wait_for_last(Communicator& world, bool in_receive, int seconds) {
    const int last = world.size() - 1;
    if (world.rank() == last) idle_sleep(seconds);
    if (!in_receive) return world.barrier();
    int message = 0;
    const Part part{&message, 1, Dtype::i32};
    if (world.rank() != last) {
        (void)world.receive({&part, 1}, last);  // who sent it is known
        return;
    }
    for (int rank = 0; rank < last; ++rank) world.send({&part, 1}, rank);
}

}  // namespace

int main(int argc, char** argv) {
    const bool in_receive = argc > 2 && std::strcmp(argv[1], "receive") == 0;
    const int seconds = argc > 2 ? parse_number<int>(argv[2]).value_or(0) : 0;
    if (seconds < 1) {
        std::fprintf(stderr, "usage: ipcrun -n 9 ipcrun_idle barrier|receive SECONDS\n");
        return 2;
    }
    const auto job = Job::join();
    Communicator& world = job->world();
    world.barrier();
    const double before = idle_cpu_seconds();
    wait_for_last(world, in_receive, seconds);
    double used = world.rank() == world.size() - 1 ? 0 : idle_cpu_seconds() - before;
    const Part part{&used, 1, Dtype::f64};
    world.allreduce({&part, 1}, Op::sum);
    if (world.rank() == 0) idle_report(world.size(), used, seconds);
}
