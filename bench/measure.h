// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How every program of bench/ measures, so that their figures can be compared: operations run back
/// to back, rank 0 times batches of them (a batch lasts 5 us or more, so that reading the clock
/// does not count), and prints one JSON line with the median and the 99th percentile of one
/// operation. C and C++; the ranks agree on the numbers of operations by means of their own.

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { measure_samples_max = 1000, measure_samples_min = 7, measure_batch_max = 100 };

/// A pilot doubles its operations until it lasts this long.
static const double measure_pilot_us = 2000;
/// What one measurement may take, unless `measure_samples_min` operations take longer.
static const double measure_budget_us = 200000;

struct measure_plan {
    int samples;  ///< timed batches
    int batch;    ///< operations in each
};

static inline double measure_now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec * 1e-3;
}

static inline int measure_clamp(double value, int low, int high) {
    return value <= (double)low ? low : value >= (double)high ? high : (int)value;
}

static inline struct measure_plan measure_plan_for(double operation_us) {
    struct measure_plan plan;
    plan.batch = measure_clamp(5.0 / operation_us + 1, 1, measure_batch_max);
    plan.samples = measure_clamp(measure_budget_us / (operation_us * plan.batch),
                                 measure_samples_min, measure_samples_max);
    return plan;
}

static inline int measure_ascending(const void* left, const void* right) {
    const double a = *(const double*)left;
    const double b = *(const double*)right;
    return (a > b) - (a < b);
}

/// Prints the line for `samples_us` (one operation each, sorted here).
static inline void measure_report(const char* bench, const char* who, int ranks, long bytes,
                                  double* samples_us, int count) {
    qsort(samples_us, (size_t)count, sizeof *samples_us, measure_ascending);
    printf(
        "{\"bench\":\"%s\",\"who\":\"%s\",\"ranks\":%d,\"bytes\":%ld,"
        "\"p50_us\":%.4g,\"p99_us\":%.4g}\n",
        bench, who, ranks, bytes, samples_us[count / 2], samples_us[count * 99 / 100]);
    fflush(stdout);
}
