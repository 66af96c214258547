// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What can be said of a collective call without asking anybody: does it make sense, what must be
/// equal on all members, and does it travel inline? Pure.

#include <cstddef>
#include <string>

#include "runtime/collective.hpp"
#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

/// Throws Error{usage} when member `rank` of `size` must not call this.
void check_call(const Collective& collective, int rank, int size);

/// Equal on all members that mean the same.
Fingerprint fingerprint_of(const Collective& collective);

/// "allreduce(10 f32, sum)": what it is the fingerprint of.
std::string describe(const Fingerprint& print);

/// Does the payload of a MemberArrival hold what each member gives? All members decide alike.
bool travels_inline(const Collective& collective, int size);

/// Parts lie side by side in a payload, each aligned for any element.
constexpr std::size_t padded_inline(std::size_t bytes) {
    return (bytes + 7) / 8 * 8;
}

/// Does the kind combine elements?
constexpr bool is_reduction(Collective::Kind kind) {
    using Kind = Collective::Kind;
    return kind == Kind::allreduce || kind == Kind::reduce || kind == Kind::reduce_scatter;
}

/// Does the operator give 1 or 0, also for one element?
constexpr bool is_logical(Op op) {
    return op == Op::land || op == Op::lor || op == Op::lxor;
}

/// Does the combination depend on the order in which values meet, by rounding or by which of two
/// zeros is kept?
constexpr bool depends_on_order(Op op, Dtype dtype) {
    return is_floating(dtype) && !is_logical(op);
}

/// Is the kind about lists of parts, fused into one operation? The others move one part in blocks.
constexpr bool is_about_lists(Collective::Kind kind) {
    using Kind = Collective::Kind;
    return kind == Kind::allreduce || kind == Kind::broadcast || kind == Kind::reduce;
}

/// Does the result replace what is given?
inline bool is_in_place(const Collective& collective) {
    return is_about_lists(collective.kind) && collective.from.data() == collective.to.data();
}

}  // namespace ipcrun
