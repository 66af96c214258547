// SPDX-License-Identifier: Apache-2.0
// In-place MPI_Allreduce of f32, sum: mpi_allreduce WHO BYTES...
#include <mpi.h>
#include <string.h>

#include "../measure.h"

static void allreduce(float* values, int count) {
    MPI_Allreduce(MPI_IN_PLACE, values, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
}

static void check_sum(float* values, int count, int rank, int ranks) {
    for (int i = 0; i < count; i++) values[i] = (float)(rank + 1);
    allreduce(values, count);
    const float expected = (float)(ranks * (ranks + 1) / 2);
    for (int i = 0; i < count; i++) {
        if (values[i] != expected) {
            fprintf(stderr, "mpi_allreduce: rank %d got a wrong sum\n", rank);
            MPI_Abort(MPI_COMM_WORLD, 1);
        }
    }
}

// One operation, in microseconds; rank 0's figure, the same on all ranks.
static double pilot(float* values, int count) {
    double figures[2] = {0, 0};  // elapsed, of one operation
    for (int operations = 1; figures[0] < measure_pilot_us; operations *= 2) {
        const double start = measure_now_us();
        for (int i = 0; i < operations; i++) allreduce(values, count);
        figures[0] = measure_now_us() - start;
        figures[1] = figures[0] / operations;
        MPI_Bcast(figures, 2, MPI_DOUBLE, 0, MPI_COMM_WORLD);
    }
    return figures[1];
}

int main(int argc, char** argv) {
    static double samples_us[measure_samples_max];
    int rank, ranks;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    for (int arg = 2; arg < argc; arg++) {
        const long bytes = atol(argv[arg]);
        const int count = (int)(bytes / (long)sizeof(float));
        float* values = aligned_alloc(4096, ((size_t)bytes + 4095) / 4096 * 4096);
        if (values == NULL || count < 1) MPI_Abort(MPI_COMM_WORLD, 2);
        check_sum(values, count, rank, ranks);
        memset(values, 0, (size_t)bytes);  // sums of zeros stay what they are
        const struct measure_plan plan = measure_plan_for(pilot(values, count));
        for (int sample = 0; sample < plan.samples; sample++) {
            const double start = measure_now_us();
            for (int i = 0; i < plan.batch; i++) allreduce(values, count);
            samples_us[sample] = (measure_now_us() - start) / plan.batch;
        }
        if (rank == 0) measure_report("allreduce", argv[1], ranks, bytes, samples_us, plan.samples);
        free(values);
    }
    return MPI_Finalize();
}
