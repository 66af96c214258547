// SPDX-License-Identifier: Apache-2.0
// A world goes up and comes down again: what starting a job costs that can communicate.
#include <mpi.h>

int main(int argc, char** argv) {
    MPI_Init(&argc, &argv);
    return MPI_Finalize();
}
