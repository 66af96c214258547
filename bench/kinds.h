// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The collective operations that are measured: how much memory each takes, what the ranks put in
/// and what must come out, the same for every contestant. C and C++. Elements are f32.
///
/// The size of a measurement is that of one rank's elements for allreduce, broadcast and reduce,
/// which work in place, and that of all n blocks for the others, rounded to whole elements a block,
/// one at least.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
    kind_barrier,
    kind_allreduce,
    kind_broadcast,
    kind_reduce,
    kind_reduce_scatter,
    kind_allgather,
    kind_gather,
    kind_scatter,
    kind_alltoall,
    kind_count,
};

static const char* const kind_names[kind_count] = {"barrier", "allreduce",      "broadcast",
                                                   "reduce",  "reduce_scatter", "allgather",
                                                   "gather",  "scatter",        "alltoall"};

/// One rank's view of what is measured.
struct shape {
    enum kind kind;
    int rank;
    int ranks;
    size_t block;  ///< elements of what one rank gives to one other
};

/// kind_count when `name` is none.
static inline enum kind kind_of(const char* name) {
    int kind = 0;
    while (kind < kind_count && strcmp(name, kind_names[kind]) != 0) kind++;
    return (enum kind)kind;
}

static inline int is_rooted(enum kind kind) {
    return kind == kind_broadcast || kind == kind_reduce || kind == kind_gather ||
           kind == kind_scatter;
}

static inline int is_sum(enum kind kind) {
    return kind == kind_allreduce || kind == kind_reduce || kind == kind_reduce_scatter;
}

/// All ranks get the result in the memory that they gave.
static inline int is_in_place(enum kind kind) {
    return kind == kind_allreduce || kind == kind_broadcast || kind == kind_reduce;
}

static inline struct shape shape_of(enum kind kind, int rank, int ranks, long bytes) {
    size_t block = (size_t)bytes / sizeof(float);
    if (!is_in_place(kind)) block /= (size_t)ranks;
    if (block == 0) block = 1;
    if (kind == kind_barrier) block = 0;
    const struct shape shape = {kind, rank, ranks, block};
    return shape;
}

/// The blocks that a rank holds before and after; before at the root of a scatter, after at that of
/// a gather: the root rotates, so every rank has the memory.
static inline size_t blocks_given(struct shape shape) {
    const enum kind kind = shape.kind;
    const int many = kind == kind_reduce_scatter || kind == kind_scatter || kind == kind_alltoall;
    return many ? (size_t)shape.ranks : 1;
}
static inline size_t blocks_got(struct shape shape) {
    const enum kind kind = shape.kind;
    const int many = kind == kind_allgather || kind == kind_gather || kind == kind_alltoall;
    return many ? (size_t)shape.ranks : 1;
}

/// The root changes from operation to operation: one that stays could run ahead of the others, or
/// they ahead of it, and that would look like speed.
static inline int root_of(struct shape shape, int turn) {
    return turn % shape.ranks;
}

/// Operations until each rank was the root as often as any other.
static inline int cycle_of(struct shape shape) {
    return is_rooted(shape.kind) ? shape.ranks : 1;
}

/// allgather and gather give out of the block of what they get that is the rank's own.
static inline int gives_own_block(enum kind kind) {
    return kind == kind_allgather || kind == kind_gather;
}

static inline size_t memory_floats(struct shape shape) {
    const int one_buffer = is_in_place(shape.kind) || gives_own_block(shape.kind);
    return (blocks_got(shape) + (one_buffer ? 0 : blocks_given(shape))) * shape.block;
}

struct memory {
    float* given;
    float* got;
};

/// Lays out both in `start`, which has memory_floats().
static inline struct memory lay_out(struct shape shape, float* start) {
    struct memory memory = {start, start};
    if (gives_own_block(shape.kind))
        memory.given = start + (size_t)shape.rank * shape.block;
    else if (!is_in_place(shape.kind))
        memory.got = start + blocks_given(shape) * shape.block;
    return memory;
}

static inline float value_given(int rank, int block) {
    return (float)(rank + 1 + 100 * block);
}

static inline void fill(struct shape shape, struct memory memory) {
    for (size_t block = 0; block < blocks_given(shape); block++)
        for (size_t i = 0; i < shape.block; i++)
            memory.given[block * shape.block + i] = value_given(shape.rank, (int)block);
}

/// What block `index` of the result holds in all its elements.
static inline float value_got(struct shape shape, int root, int index) {
    const int ranks = shape.ranks;
    const int own = shape.kind == kind_reduce_scatter ? shape.rank : 0;
    if (is_sum(shape.kind)) return (float)(ranks * (ranks + 1) / 2 + ranks * 100 * own);
    if (shape.kind == kind_broadcast) return value_given(root, 0);
    if (shape.kind == kind_scatter) return value_given(root, shape.rank);
    return value_given(index, shape.kind == kind_alltoall ? shape.rank : 0);
}

/// Has this rank got what it should from the operation of `root`? The contents are then zeroed, so
/// that sums of sums stay what they are.
static inline int is_right_then_zero(struct shape shape, struct memory memory, float* start,
                                     int root) {
    const enum kind kind = shape.kind;
    const int nothing = (kind == kind_reduce || kind == kind_gather) && shape.rank != root;
    int right = 1;
    for (size_t block = 0; !nothing && block < blocks_got(shape); block++)
        for (size_t i = 0; i < shape.block; i++)
            right &= memory.got[block * shape.block + i] == value_got(shape, root, (int)block);
    memset(start, 0, memory_floats(shape) * sizeof(float));
    return right;
}
