// SPDX-License-Identifier: Apache-2.0
#include <functional>

#include "bindings/lua/torch/arithmetic.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/elements.hpp"

namespace ipcrun::lua {

namespace {

template <typename T, typename Op>
void run(std::byte* const* data, const std::int64_t* strides, std::int64_t count) {
    std::uint8_t* out = reinterpret_cast<std::uint8_t*>(data[0]);
    const T* a = reinterpret_cast<const T*>(data[1]);
    const T* b = reinterpret_cast<const T*>(data[2]);
    const bool unit = strides[0] == 1 && strides[1] == 1;
    if (unit && strides[2] == 1) {
        for (std::int64_t i = 0; i < count; ++i) out[i] = Op()(a[i], b[i]);
    } else if (unit && strides[2] == 0) {
        const T value = *b;
        for (std::int64_t i = 0; i < count; ++i) out[i] = Op()(a[i], value);
    } else {
        for (std::int64_t i = 0; i < count; ++i)
            out[i * strides[0]] = Op()(a[i * strides[1]], b[i * strides[2]]);
    }
}

template <typename T>
Kernel kernel_of(CompareOp op) {
    switch (op) {
        case CompareOp::eq:
            return run<T, std::equal_to<T>>;
        case CompareOp::ne:
            return run<T, std::not_equal_to<T>>;
        case CompareOp::lt:
            return run<T, std::less<T>>;
        case CompareOp::le:
            return run<T, std::less_equal<T>>;
        case CompareOp::gt:
            return run<T, std::greater<T>>;
        case CompareOp::ge:
            return run<T, std::greater_equal<T>>;
    }
    __builtin_unreachable();
}

}  // namespace

void compare(CompareOp op, const View& out, const View& a, const View& b) {
    if (is_half_dtype(a.dtype)) {
        compare(op, out, converted(a, Dtype::f32).view, converted(b, Dtype::f32).view);
        return;
    }
    if ((overlap(out, a) && !same_elements(out, a)) ||
        (overlap(out, b) && !same_elements(out, b))) {
        compare(op, out, converted(a, a.dtype).view, converted(b, b.dtype).view);
        return;
    }
    const Kernel kernel =
        visit_native(a.dtype, [&]<typename T>(std::type_identity<T>) { return kernel_of<T>(op); });
    for_each_run(plan_walk({&out, &a, &b}), kernel);
}

}  // namespace ipcrun::lua
