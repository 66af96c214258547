// SPDX-License-Identifier: Apache-2.0
// Collective operations on f32 by MPI:  mpi_collectives KIND BYTES...
// One JSON line a size from rank 0; bench/kinds.h says what the sizes mean. In place where ours is.
#include <mpi.h>

#include "../kinds.h"
#include "../measure.h"

// MPICH 4.0.2 crashes in MPI_Reduce with MPI_IN_PLACE when the root is not rank 0.
#ifdef MPICH_VERSION
static const int reduces_in_place = 0;
#else
static const int reduces_in_place = 1;
#endif

struct measured {
    struct shape form;
    struct memory place;
};

static void operate(void* self, int turn) {
    const struct measured* measured = self;
    const struct shape form = measured->form;
    float* given = measured->place.given;
    float* got = measured->place.got;
    const int block = (int)form.block;
    const int root = root_of(form, turn);
    const int here = root == form.rank;
    const MPI_Comm world = MPI_COMM_WORLD;
    switch (form.kind) {
        case kind_barrier:
            MPI_Barrier(world);
            break;
        case kind_allreduce:
            MPI_Allreduce(MPI_IN_PLACE, got, block, MPI_FLOAT, MPI_SUM, world);
            break;
        case kind_broadcast:
            MPI_Bcast(got, block, MPI_FLOAT, root, world);
            break;
        case kind_reduce:
            MPI_Reduce(here && got == given ? MPI_IN_PLACE : given, here ? got : NULL, block,
                       MPI_FLOAT, MPI_SUM, root, world);
            break;
        case kind_reduce_scatter:
            MPI_Reduce_scatter_block(given, got, block, MPI_FLOAT, MPI_SUM, world);
            break;
        case kind_allgather:
            MPI_Allgather(MPI_IN_PLACE, block, MPI_FLOAT, got, block, MPI_FLOAT, world);
            break;
        case kind_gather:
            MPI_Gather(here ? MPI_IN_PLACE : given, block, MPI_FLOAT, got, block, MPI_FLOAT, root,
                       world);
            break;
        case kind_scatter:
            MPI_Scatter(given, block, MPI_FLOAT, got, block, MPI_FLOAT, root, world);
            break;
        case kind_alltoall:
            MPI_Alltoall(given, block, MPI_FLOAT, got, block, MPI_FLOAT, world);
            break;
        case kind_count:
            break;
    }
}

static void agree(void* self, double* figures) {
    (void)self;
    MPI_Bcast(figures, 2, MPI_DOUBLE, 0, MPI_COMM_WORLD);
}

static void measure(enum kind kind, int rank, int ranks, long bytes) {
    const struct shape form = shape_of(kind, rank, ranks, bytes);
    const size_t apart = kind == kind_reduce && !reduces_in_place ? form.block : 0;
    const size_t used = (memory_floats(form) + apart) * sizeof(float);
    float* start = aligned_alloc(4096, used / 4096 * 4096 + 4096);
    if (start == NULL) MPI_Abort(MPI_COMM_WORLD, 2);
    struct measured measured = {form, lay_out(form, start)};
    measured.place.got += apart;
    fill(form, measured.place);
    operate(&measured, ranks - 1);
    if (!is_right_then_zero(form, measured.place, start, ranks - 1)) {
        fprintf(stderr, "mpi_collectives: rank %d got a wrong result\n", rank);
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    const struct measure_title title = {kind_names[kind], rank, ranks, bytes, cycle_of(form), 1.0};
    const struct measure_calls calls = {operate, agree, &measured};
    measure_operation(title, calls);
    free(start);
}

int main(int argc, char** argv) {
    int rank, ranks;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    const enum kind kind = argc > 2 ? kind_of(argv[1]) : kind_count;
    if (kind == kind_count) {
        fprintf(stderr, "usage: mpi_collectives KIND BYTES...\n");
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    for (int arg = 2; arg < argc; arg++) measure(kind, rank, ranks, atol(argv[arg]));
    return MPI_Finalize();
}
