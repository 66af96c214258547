// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

#include "runtime/best_reduce.hpp"

// Highway includes the kernels again for every instruction set that this compiler knows.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/reduce_kernels.hpp"
#include <hwy/foreach_target.h>

#include "base/fail.hpp"
#include "runtime/reduce_kernels.hpp"

namespace ipcrun {

namespace {

constexpr std::string_view op_names[] = {"sum", "prod", "min",  "max", "avg", "land",
                                         "lor", "lxor", "band", "bor", "bxor"};

HWY_EXPORT(reduce_here);

}  // namespace

std::string_view name_of(Op op) {
    return op_names[static_cast<int>(op)];
}

std::optional<Op> parse_op(std::string_view text) {
    for (int i = 0; i < static_cast<int>(std::size(op_names)); ++i)
        if (text == op_names[i]) return static_cast<Op>(i);
    return std::nullopt;
}

bool is_defined(Op op, Dtype dtype) {
    const bool bitwise = op == Op::band || op == Op::bor || op == Op::bxor;
    return !(bitwise && is_floating(dtype));
}

void reduce(Op op, Dtype dtype, std::span<const std::byte* const> sources,
            std::span<std::byte* const> destinations, std::size_t count, std::size_t next) {
    check(is_defined(op, dtype), "bits of floats are not combined");
    HWY_DYNAMIC_DISPATCH(reduce_here)(op, dtype, sources, destinations, count, next);
}

Reduce* best_reduce() {
    // What the table of targets holds at first is a function that looks what CPU this is.
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    return HWY_DISPATCH_TABLE(reduce_here)[hwy::GetChosenTarget().GetIndex()];
}

}  // namespace ipcrun
