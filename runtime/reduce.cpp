// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cstring>
#include <initializer_list>
#include <type_traits>

#include "runtime/reduce_targets.hpp"

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
    best_reduce()(op, dtype, sources, destinations, count, next);
}

std::vector<ReduceTarget> reduce_targets() {
    // Not by HWY_EXPORT, which asks Highway's library what CPU this is. That library measures the
    // clock rate when it is loaded: milliseconds, for every rank and every child.
    const std::initializer_list<const ReduceTarget*> compiled = {
#ifdef HWY_CHOOSE_TARGET_LIST  // which Highway has for machines that leave a choice
        HWY_CHOOSE_TARGET_LIST(compiled_here)
#endif
    };
    std::vector<ReduceTarget> targets;
    for (const ReduceTarget* target : compiled)
        if (target != nullptr) targets.push_back(*target);
    targets.push_back({"", HWY_STATIC_DISPATCH(reduce_here)});
    return targets;
}

}  // namespace ipcrun
