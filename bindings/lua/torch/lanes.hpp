// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Operations that need the elements along one dimension in their order: extremes with their
/// indices, sorting, running sums. Dimensions count from 0 here, indices in results from 1.

#include "bindings/lua/torch/view.hpp"

namespace ipcrun::lua {

/// The largest or smallest element along `dim` and where it stands; the first of equals, the first
/// NaN if there is one. `values` has in's dtype, `indices` is i64; both have size 1 there.
void extreme(bool largest, const View& in, int dim, const View& values, const View& indices);

/// Sorts along `dim`, stably, NaN last; `values` and `indices` have in's shape.
void sort(bool descending, const View& in, int dim, const View& values, const View& indices);

/// The most frequent element of every lane along `dim` of what sort() gave, the smallest of equally
/// frequent ones, and the last place at which it stands. NaNs are one value. `values` and `indices`
/// have size 1 there, and may be the first elements of `sorted` and `places`.
void find_modes(const View& sorted, const View& places, int dim, const View& values,
                const View& indices);

/// Running sums (or products) along `dim`.
void accumulate_along(bool product, const View& in, int dim, const View& out);

}  // namespace ipcrun::lua
