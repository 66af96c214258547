// SPDX-License-Identifier: Apache-2.0
// A message there and back between two ranks, by MPI:  mpi_pingpong BYTES...
// One JSON line a size from rank 0: half of a round trip.
#include <mpi.h>
#include <string.h>

#include "../measure.h"

struct measured {
    int rank;
    int bytes;
    unsigned char* data;
};

static void operate(void* self, int turn) {
    const struct measured* measured = self;
    const int peer = 1 - measured->rank;
    (void)turn;
    if (measured->rank == 0)
        MPI_Send(measured->data, measured->bytes, MPI_BYTE, peer, 0, MPI_COMM_WORLD);
    MPI_Recv(measured->data, measured->bytes, MPI_BYTE, peer, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    if (measured->rank == 1)
        MPI_Send(measured->data, measured->bytes, MPI_BYTE, peer, 0, MPI_COMM_WORLD);
}

static void agree(void* self, double* figures) {
    (void)self;
    MPI_Bcast(figures, 2, MPI_DOUBLE, 0, MPI_COMM_WORLD);
}

static void measure(int rank, int bytes) {
    struct measured measured = {rank, bytes,
                                aligned_alloc(4096, (size_t)bytes / 4096 * 4096 + 4096)};
    if (measured.data == NULL) MPI_Abort(MPI_COMM_WORLD, 2);
    memset(measured.data, rank == 0 ? 1 : 0, (size_t)bytes);
    operate(&measured, 0);
    for (int i = 0; i < bytes; i++) {
        if (measured.data[i] != 1) {
            fprintf(stderr, "mpi_pingpong: rank %d got a wrong message\n", rank);
            MPI_Abort(MPI_COMM_WORLD, 1);
        }
    }
    const struct measure_title title = {"pingpong", rank, 2, bytes, 1, 0.5};
    const struct measure_calls calls = {operate, agree, &measured};
    measure_operation(title, calls);
    free(measured.data);
}

int main(int argc, char** argv) {
    int rank, ranks;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (ranks != 2) {
        fprintf(stderr, "usage: mpiexec -n 2 mpi_pingpong BYTES...\n");
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    for (int arg = 1; arg < argc; arg++) measure(rank, atoi(argv[arg]));
    return MPI_Finalize();
}
