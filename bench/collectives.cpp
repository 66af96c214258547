// SPDX-License-Identifier: Apache-2.0
// Collective operations on f32 by libipcrun:  ipcrun -n RANKS ipcrun_collectives KIND BYTES...
// One JSON line a size from rank 0; bench/kinds.h says what the sizes mean.
#include <algorithm>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "bench/kinds.h"
#include "bench/measure.h"
#include "runtime/job.hpp"
#include "runtime/storage.hpp"

using namespace ipcrun;

namespace {

struct Measured {
    Communicator& world;
    shape form;
    memory place;

    Part given() const { return {place.given, blocks_given(form) * form.block, Dtype::f32}; }
    Part got() const { return {place.got, blocks_got(form) * form.block, Dtype::f32}; }

    void run(int turn) {
        const Part from = given();
        const Part to = got();
        const Part none{nullptr, 0, Dtype::f32};
        const int root = root_of(form, turn);
        const bool here = root == form.rank;
        switch (form.kind) {
            case kind_barrier:
                return world.run(Collective::barrier());
            case kind_allreduce:
                return world.run(Collective::allreduce({&to, 1}, Op::sum));
            case kind_broadcast:
                return world.run(Collective::broadcast({&to, 1}, root));
            case kind_reduce: {
                const std::span<const Part> into(&to, here ? 1 : 0);
                return world.run(Collective::reduce({&from, 1}, into, Op::sum, root));
            }
            case kind_reduce_scatter:
                return world.run(Collective::reduce_scatter(from, to, Op::sum));
            case kind_allgather:
                return world.run(Collective::allgather(from, to));
            case kind_gather:
                return world.run(Collective::gather(from, here ? to : none, root));
            case kind_scatter:
                return world.run(Collective::scatter(here ? from : none, to, root));
            case kind_alltoall:
                return world.run(Collective::alltoall(from, to));
            case kind_count:
                break;
        }
    }

    static void operate(void* self, int turn) { static_cast<Measured*>(self)->run(turn); }
    static void agree(void* self, double* figures) {
        const Part part{figures, 2, Dtype::f64};
        static_cast<Measured*>(self)->world.run(Collective::broadcast({&part, 1}, 0));
    }
};

void measure(Job& job, kind what, long bytes) {
    Communicator& world = job.world();
    const shape form = shape_of(what, world.rank(), world.size(), bytes);
    const std::size_t count = std::max<std::size_t>(memory_floats(form), 1);
    const StoragePtr storage = Storage::create(job.heap(), Dtype::f32, count);
    auto* start = reinterpret_cast<float*>(storage->data());
    Measured measured{world, form, lay_out(form, start)};
    fill(form, measured.place);
    measured.run(form.ranks - 1);
    check(is_right_then_zero(form, measured.place, start, form.ranks - 1), "a result is wrong");
    measure_operation({kind_names[what], form.rank, form.ranks, bytes, cycle_of(form), 1.0},
                      {Measured::operate, Measured::agree, &measured});
}

}  // namespace

int main(int argc, char** argv) {
    const kind what = argc > 2 ? kind_of(argv[1]) : kind_count;
    if (what == kind_count) {
        std::fprintf(stderr, "usage: ipcrun -n RANKS ipcrun_collectives KIND BYTES...\n");
        return 2;
    }
    const auto job = Job::join();
    for (int arg = 2; arg < argc; ++arg)
        measure(*job, what, parse_number<long>(argv[arg]).value_or(0));
}
