// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How every program of bench/ measures, so that their figures can be compared: operations run back
/// to back, rank 0 times batches of them (a batch lasts 5 us or more, so that reading the clock
/// does not count), and prints one JSON line with the median and the 99th percentile of one
/// operation. C and C++; the ranks agree on the numbers of operations by means of their own.

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { measure_samples_max = 1000, measure_operations_min = 5, measure_batch_max = 100 };

/// A pilot doubles its operations until it lasts this long, and until the ranks have met each
/// other's memory in so many operations, if those do not take longer than that.
static const double measure_pilot_us = 2000;
enum { measure_pilot_operations = 7 };
static const double measure_pilot_longest_us = 400000;
/// What one measurement may take, unless the least number of operations takes longer: 5, or two
/// cycles.
static const double measure_budget_us = 100000;

struct measure_plan {
    int samples;  ///< timed batches
    int batch;    ///< operations in each, whole cycles
};

/// What is measured. `operate` runs operation number `turn`, counted from 0 on every rank; `agree`
/// makes the two figures of rank 0 those of all ranks.
struct measure_calls {
    void (*operate)(void* self, int turn);
    void (*agree)(void* self, double* figures);
    void* self;
};

/// What the line says.
struct measure_title {
    const char* bench;
    int rank;
    int ranks;
    long bytes;
    int cycle;     ///< operations until every rank has played every part
    double share;  ///< of an operation that is reported: a half of a round trip, say
};

static inline double measure_now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec * 1e-3;
}

static inline int measure_clamp(double value, int low, int high) {
    return value <= (double)low ? low : value >= (double)high ? high : (int)value;
}

/// A batch is whole cycles: rank 0 may run ahead of its peers, or wait for them, within one.
static inline struct measure_plan measure_plan_for(double operation_us, int cycle) {
    struct measure_plan plan;
    plan.batch = measure_clamp(5.0 / operation_us + 1, 1, measure_batch_max);
    plan.batch = (plan.batch + cycle - 1) / cycle * cycle;
    plan.samples = measure_clamp(measure_budget_us / (operation_us * plan.batch),
                                 cycle > 1 ? 2 : measure_operations_min, measure_samples_max);
    return plan;
}

static inline int measure_ascending(const void* left, const void* right) {
    const double a = *(const double*)left;
    const double b = *(const double*)right;
    return (a > b) - (a < b);
}

/// Prints the line for `samples_us` (one operation each, sorted here).
static inline void measure_report(const char* bench, int ranks, long bytes, double* samples_us,
                                  int count) {
    qsort(samples_us, (size_t)count, sizeof *samples_us, measure_ascending);
    printf(
        "{\"bench\":\"%s\",\"ranks\":%d,\"bytes\":%ld,"
        "\"p50_us\":%.4g,\"p99_us\":%.4g}\n",
        bench, ranks, bytes, samples_us[count / 2], samples_us[count * 99 / 100]);
    fflush(stdout);
}

/// One operation in microseconds: rank 0's figure, the same on all ranks. Adds to `turn`.
static inline double measure_pilot(struct measure_calls calls, int* turn) {
    double figures[2] = {0, 0};  // elapsed, of one operation
    double total_us = 0;
    for (int operations = 1; figures[0] < measure_pilot_us || (*turn < measure_pilot_operations &&
                                                               total_us < measure_pilot_longest_us);
         operations *= 2) {
        const double start = measure_now_us();
        for (int i = 0; i < operations; i++) calls.operate(calls.self, (*turn)++);
        figures[0] = measure_now_us() - start;
        figures[1] = figures[0] / operations;
        calls.agree(calls.self, figures);
        total_us += figures[0];
    }
    return figures[1];
}

/// Measures on all ranks, and prints the line on rank 0.
static inline void measure_operation(struct measure_title title, struct measure_calls calls) {
    static double samples_us[measure_samples_max];
    int turn = 0;
    const struct measure_plan plan = measure_plan_for(measure_pilot(calls, &turn), title.cycle);
    for (int sample = 0; sample < plan.samples; sample++) {
        const double start = measure_now_us();
        for (int i = 0; i < plan.batch; i++) calls.operate(calls.self, turn++);
        samples_us[sample] = (measure_now_us() - start) / plan.batch * title.share;
    }
    if (title.rank == 0)
        measure_report(title.bench, title.ranks, title.bytes, samples_us, plan.samples);
}
