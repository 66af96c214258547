// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How the programs that wait for a sleeping rank count what they burn. C and C++.

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

/// Of this process, all its threads, in user and system mode.
static inline double idle_cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

/// The one thing here that is meant to pass time.
static inline void idle_sleep(int seconds) {
    struct timespec left = {seconds, 0};
    while (nanosleep(&left, &left) != 0) {
    }
}

static inline void idle_report(int ranks, double cpu_seconds, int seconds) {
    printf("{\"bench\":\"idle\",\"ranks\":%d,\"percent\":%.3g}\n", ranks,
           100 * cpu_seconds / seconds);
    fflush(stdout);
}
