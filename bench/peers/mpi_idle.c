// SPDX-License-Identifier: Apache-2.0
// What ranks burn that wait for one that sleeps, by MPI:  mpi_idle barrier|receive SECONDS
// The last rank sleeps; rank 0 prints the CPU time of all others together, in % of one core.
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

#include "../idle.h"

static void wait_for_last(int rank, int ranks, int in_receive, int seconds) {
    const int last = ranks - 1;
    int message = 0;
    if (rank == last) idle_sleep(seconds);
    if (!in_receive) {
        MPI_Barrier(MPI_COMM_WORLD);
    } else if (rank != last) {
        MPI_Recv(&message, 1, MPI_INT, last, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    } else {
        for (int peer = 0; peer < last; peer++)
            MPI_Send(&message, 1, MPI_INT, peer, 0, MPI_COMM_WORLD);
    }
}

int main(int argc, char** argv) {
    int rank, ranks;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    const int seconds = argc > 2 ? atoi(argv[2]) : 0;
    if (seconds < 1) {
        fprintf(stderr, "usage: mpi_idle barrier|receive SECONDS\n");
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    const double before = idle_cpu_seconds();
    wait_for_last(rank, ranks, strcmp(argv[1], "receive") == 0, seconds);
    const double own = rank == ranks - 1 ? 0 : idle_cpu_seconds() - before;
    double used = 0;
    MPI_Reduce(&own, &used, 1, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
    if (rank == 0) idle_report(ranks, used, seconds);
    return MPI_Finalize();
}
