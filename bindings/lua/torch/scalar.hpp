// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A Lua number as it was written: integers stay exact 64-bit integers.

#include <cstdint>

#include "runtime/dtype.hpp"

namespace ipcrun::lua {

struct Scalar {
    bool is_integer = true;
    std::int64_t integer = 0;
    double real = 0;

    static Scalar of(std::int64_t value) { return {true, value, double(value)}; }
    static Scalar of(double value) { return {false, 0, value}; }
};

/// One element in the representation of `dtype`, as an operand with stride 0.
struct Element {
    alignas(8) std::byte bytes[8] = {};
};
Element to_element(const Scalar& scalar, Dtype dtype);

/// Integers become integers, everything else reals.
Scalar load_element(Dtype dtype, const std::byte* element);
/// Whether `dtype` can hold the number, truncated where it is an integer type. Floating types take
/// every number: as an infinity, or rounded.
bool holds(Dtype dtype, const Scalar& scalar);
/// The least and the greatest integer of an integer dtype.
struct IntegerRange {
    std::int64_t least;
    std::int64_t greatest;
};
IntegerRange range_of(Dtype dtype);
/// Reals are truncated for integer dtypes; integers too large wrap, as in C.
void store_element(Dtype dtype, std::byte* element, const Scalar& scalar);

}  // namespace ipcrun::lua
