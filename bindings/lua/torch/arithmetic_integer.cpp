// SPDX-License-Identifier: Apache-2.0
// Integer arithmetic that is defined for every value: it wraps as two's complement. Eigen's
// operators would be undefined on overflow, so these are plain loops for the compiler to vectorise.
#include "base/fail.hpp"
#include "bindings/lua/torch/arithmetic.hpp"
#include "bindings/lua/torch/elements.hpp"

namespace ipcrun::lua {

namespace {

// Wide enough that nothing is promoted to a signed type on the way.
std::uint64_t wide(auto value) {
    return static_cast<std::uint64_t>(value);
}

struct Add {
    template <typename T>
    static T apply(T a, T b) {
        return static_cast<T>(wide(a) + wide(b));
    }
};
struct Sub {
    template <typename T>
    static T apply(T a, T b) {
        return static_cast<T>(wide(a) - wide(b));
    }
};
struct Mul {
    template <typename T>
    static T apply(T a, T b) {
        return static_cast<T>(wide(a) * wide(b));
    }
};
struct Div {
    template <typename T>
    static T apply(T a, T b) {
        if (b == 0) fail(ErrorCode::usage, "division by zero in an integer tensor");
        if constexpr (std::is_signed_v<T>)
            if (b == -1) return Sub::apply(T(0), a);  // the quotient of the minimum wraps
        return static_cast<T>(a / b);
    }
};
struct Fmod {
    template <typename T>
    static T apply(T a, T b) {
        return Sub::apply(a, Mul::apply(Div::apply(a, b), b));
    }
};
struct Remainder {
    template <typename T>
    static T apply(T a, T b) {
        const T rest = Fmod::apply(a, b);
        return rest != 0 && (rest < 0) != (b < 0) ? Add::apply(rest, b) : rest;
    }
};
struct Pow {
    template <typename T>
    static T apply(T base, T exponent) {
        if constexpr (std::is_signed_v<T>) {
            if (exponent < 0) {
                if (base == 0) fail(ErrorCode::usage, "pow: zero to a negative power");
                if (base == 1) return 1;
                if (base == -1) return exponent % 2 == 0 ? 1 : -1;
                return 0;
            }
        }
        std::uint64_t result = 1;
        std::uint64_t square = wide(base);
        for (std::uint64_t rest = wide(exponent); rest != 0; rest >>= 1) {
            if (rest & 1) result *= square;
            square *= square;
        }
        return static_cast<T>(result);
    }
};
struct Max {
    template <typename T>
    static T apply(T a, T b) {
        return a > b ? a : b;
    }
};
struct Min {
    template <typename T>
    static T apply(T a, T b) {
        return a < b ? a : b;
    }
};

template <typename T, typename Op>
void run(std::byte* const* data, const std::int64_t* strides, std::int64_t count) {
    T* out = reinterpret_cast<T*>(data[0]);
    const T* a = reinterpret_cast<const T*>(data[1]);
    const T* b = reinterpret_cast<const T*>(data[2]);
    const bool unit = strides[0] == 1 && strides[1] == 1;
    if (unit && strides[2] == 1) {
        for (std::int64_t i = 0; i < count; ++i) out[i] = Op::apply(a[i], b[i]);
    } else if (unit && strides[2] == 0) {
        const T value = *b;
        for (std::int64_t i = 0; i < count; ++i) out[i] = Op::apply(a[i], value);
    } else {
        for (std::int64_t i = 0; i < count; ++i)
            out[i * strides[0]] = Op::apply(a[i * strides[1]], b[i * strides[2]]);
    }
}

template <typename T>
void add_scaled_run(std::byte* const* data, const std::int64_t* strides, std::int64_t count) {
    T* out = reinterpret_cast<T*>(data[0]);
    const T* a = reinterpret_cast<const T*>(data[1]);
    const T* b = reinterpret_cast<const T*>(data[2]);
    const T scale = *reinterpret_cast<const T*>(data[3]);
    for (std::int64_t i = 0; i < count; ++i)
        out[i * strides[0]] = Add::apply(a[i * strides[1]], Mul::apply(scale, b[i * strides[2]]));
}

template <typename T>
Kernel kernel_of(BinaryOp op) {
    switch (op) {
        case BinaryOp::add:
            return run<T, Add>;
        case BinaryOp::sub:
            return run<T, Sub>;
        case BinaryOp::mul:
            return run<T, Mul>;
        case BinaryOp::div:
            return run<T, Div>;
        case BinaryOp::pow:
            return run<T, Pow>;
        case BinaryOp::max:
            return run<T, Max>;
        case BinaryOp::min:
            return run<T, Min>;
        case BinaryOp::fmod:
            return run<T, Fmod>;
        case BinaryOp::remainder:
            return run<T, Remainder>;
        case BinaryOp::atan2:
            fail(ErrorCode::usage,
                 "atan2 needs floating-point tensors; convert integers with :double()");
    }
    __builtin_unreachable();
}

}  // namespace

Kernel integer_kernel(BinaryOp op, Dtype dtype) {
    return visit_integer(dtype,
                         [&]<typename T>(std::type_identity<T>) { return kernel_of<T>(op); });
}

Kernel integer_add_scaled_kernel(Dtype dtype) {
    return visit_integer(
        dtype, []<typename T>(std::type_identity<T>) -> Kernel { return add_scaled_run<T>; });
}

}  // namespace ipcrun::lua
