// SPDX-License-Identifier: Apache-2.0
// A number travels around the ring of ranks, and everybody adds to it; then all agree on a sum.
// Alone it is a ring of one.
//
//     g++ -std=c++20 -O2 ring.cpp -o ring $(pkg-config --cflags --libs ipcrun)
//     ipcrun -n 4 ./ring
#include <cstdint>
#include <cstdio>
#include <ipcrun.hpp>

namespace {

void run() {
    const auto job = ipcrun::Job::join();
    ipcrun::Communicator& world = job->world();
    const int rank = world.rank();
    const int size = world.size();
    const int next = (rank + 1) % size;
    const int previous = (rank + size - 1) % size;

    // Any memory can take part; that of Storage::create is faster when there is much of it.
    std::int64_t number = 0;
    const ipcrun::Part part{&number, 1, ipcrun::Dtype::i64};

    if (rank == 0) {
        world.send({&part, 1}, next);
        world.receive({&part, 1}, previous);
        std::printf("around the ring: %lld\n", static_cast<long long>(number));
    } else {
        world.receive({&part, 1}, previous);
        number += rank;
        world.send({&part, 1}, next);
    }

    number = rank;
    world.allreduce({&part, 1}, ipcrun::Op::sum);  // now all ranks hold the same number
    std::printf("rank %d of %d: the sum is %lld\n", rank, size, static_cast<long long>(number));
}

}  // namespace

int main() {
    try {
        run();
    } catch (const ipcrun::Error& error) {
        std::fprintf(stderr, "ring: %s\n", error.what());
        return 1;
    }
}
