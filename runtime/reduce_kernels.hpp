// SPDX-License-Identifier: Apache-2.0
// Included anew for every target: no include guard.
/// The loops of reduce(), compiled once for each vector instruction set by Highway's foreach_target
/// (from reduce.cpp): plain loops that the compiler turns into vectors.

#include <hwy/highway.h>

#include "runtime/reduce_elements.hpp"

HWY_BEFORE_NAMESPACE();
namespace ipcrun::HWY_NAMESPACE {

// A block of intermediate results: small enough for the first-level cache with its sources.
constexpr std::size_t block_elements = 512;
// How far ahead of the arithmetic memory is asked for. Hardware prefetchers stop at page ends and
// follow few streams; here there are as many as ranks.
constexpr std::size_t prefetch_bytes = 4096;
constexpr std::size_t prefetch_step_bytes = 512;

// What arithmetic is done in: wrapping for integers, without the traps of promotion to int.
template <typename T>
struct Arithmetic {
    using type = T;
};
template <typename T>
requires std::is_integral_v<T>
struct Arithmetic<T> {
    using type = std::conditional_t<(sizeof(T) < 4), std::uint32_t, std::make_unsigned_t<T>>;
};

struct Sum {
    template <typename T>
    static T combine(T a, T b) {
        using A = typename Arithmetic<T>::type;
        return static_cast<T>(static_cast<A>(a) + static_cast<A>(b));
    }
};
struct Prod {
    template <typename T>
    static T combine(T a, T b) {
        using A = typename Arithmetic<T>::type;
        return static_cast<T>(static_cast<A>(a) * static_cast<A>(b));
    }
};
// Two choices, not one with an "or": only so does GCC make vectors of them.
struct Min {
    template <typename T>
    static T combine(T a, T b) {
        const T lesser = a < b ? a : b;
        return a != a ? a : lesser;
    }
};
struct Max {
    template <typename T>
    static T combine(T a, T b) {
        const T greater = a > b ? a : b;
        return a != a ? a : greater;
    }
};
struct BitwiseAnd {
    template <typename T>
    static T combine(T a, T b) {
        return static_cast<T>(a & b);
    }
};
struct BitwiseOr {
    template <typename T>
    static T combine(T a, T b) {
        return static_cast<T>(a | b);
    }
};
struct BitwiseXor {
    template <typename T>
    static T combine(T a, T b) {
        return static_cast<T>(a ^ b);
    }
};

// Of n sources, how many meet before they meet the others.
constexpr std::size_t left_of(std::size_t n) {
    return std::bit_floor(n - 1);
}

// Element `i` of the tree over N sources.
template <typename F, std::size_t N, typename T>
HWY_INLINE T tree_element(const std::byte* const* sources, std::size_t i) {
    if constexpr (N == 1)
        return load_element<T>(sources[0], i);
    else
        return F::combine(tree_element<F, left_of(N), T>(sources, i),
                          tree_element<F, N - left_of(N), T>(sources + left_of(N), i));
}

template <typename F, std::size_t N, std::size_t M, typename T>
HWY_INLINE void fused_run(const std::byte* const (&from)[N], std::byte* const (&to)[M],
                          std::size_t begin, std::size_t end) {
#pragma GCC ivdep
    for (std::size_t i = begin; i < end; ++i) {
        const T value = tree_element<F, N, T>(from, i);
#pragma GCC unroll 8
        for (std::size_t m = 0; m < M; ++m) store_element(value, to[m], i);
    }
}

// N sources straight into M destinations. Memory beyond the end and what is `next` is not asked
// for: another rank may be working on it, and would lose it from its cache.
template <typename F, std::size_t N, std::size_t M, typename T>
HWY_NOINLINE void fused(const std::byte* const* sources, std::byte* const* destinations,
                        std::size_t count, std::size_t next) {
    constexpr std::size_t ahead = prefetch_bytes / sizeof(T);
    constexpr std::size_t step = prefetch_step_bytes / sizeof(T);
    // Copies that no store of bytes can reach: else they would be read again at every step.
    const std::byte* from[N];
    std::byte* to[M];
    for (std::size_t n = 0; n < N; ++n) from[n] = sources[n];
    for (std::size_t m = 0; m < M; ++m) to[m] = destinations[m];
    std::size_t begin = 0;
    for (; begin + step <= count && begin + ahead + step <= count + next; begin += step) {
        for (const std::byte* source : from) {
            const std::byte* line = source + begin * sizeof(T) + prefetch_bytes;
#pragma GCC unroll 8
            for (std::size_t i = 0; i < prefetch_step_bytes; i += 64)
                __builtin_prefetch(line + i, N == M);  // in place: it will be written, too
        }
        fused_run<F, N, M, T>(from, to, begin, begin + step);
    }
    fused_run<F, N, M, T>(from, to, begin, count);
}

// The sources that fused() takes into one destination; other numbers are put together from these.
constexpr bool is_fused(std::size_t n) {
    return n == 2 || n == 3 || n == 4 || n == 8;
}
template <typename F, typename T>
void fuse(std::span<const std::byte* const> sources, std::byte* to, std::size_t count,
          std::size_t next) {
    const auto* from = sources.data();
    switch (sources.size()) {
        case 2:
            return fused<F, 2, 1, T>(from, &to, count, next);
        case 3:
            return fused<F, 3, 1, T>(from, &to, count, next);
        case 4:
            return fused<F, 4, 1, T>(from, &to, count, next);
        case 8:
            return fused<F, 8, 1, T>(from, &to, count, next);
    }
}

// The tree over any number of sources, one block, into `out`.
template <typename F, typename Convert, typename Stored, typename T>
void tree_block(std::span<const std::byte* const> sources, std::size_t begin, std::size_t count,
                T* out) {
    const std::size_t n = sources.size();
    if (n == 1) return Convert::load(sources[0] + begin * sizeof(Stored), out, count);
    const std::size_t left = left_of(n);
    alignas(64) T right[block_elements];
    tree_block<F, Convert, Stored>(sources.first(left), begin, count, out);
    tree_block<F, Convert, Stored>(sources.subspan(left), begin, count, right);
#pragma GCC ivdep
    for (std::size_t i = 0; i < count; ++i) out[i] = F::combine(out[i], right[i]);
}

// The same without conversion, so that what fused() can do is left to it.
template <typename F, typename T>
void plain_block(std::span<const std::byte* const> sources, std::size_t begin, std::size_t count,
                 std::byte* out) {
    const std::size_t n = sources.size();
    if (n == 1) return void(std::memcpy(out, sources[0] + begin * sizeof(T), count * sizeof(T)));
    if (is_fused(n)) {
        const std::byte* from[8];
        for (std::size_t i = 0; i < n; ++i) from[i] = sources[i] + begin * sizeof(T);
        return fuse<F, T>({from, n}, out, count, 0);
    }
    const std::size_t left = left_of(n);
    alignas(64) std::byte right[block_elements * sizeof(T)];
    const std::byte* pair[] = {out, right};
    plain_block<F, T>(sources.first(left), begin, count, out);
    if (n - left == 1)
        pair[1] = sources[left] + begin * sizeof(T);
    else
        plain_block<F, T>(sources.subspan(left), begin, count, right);
    fuse<F, T>(pair, out, count, 0);
}

// What reduce() was called with, and what the combination is to be divided by.
struct Call {
    std::span<const std::byte* const> sources;
    std::span<std::byte* const> destinations;
    std::size_t count;
    std::size_t next;
    int divisor;
};

// A run of the first destination, from byte `offset` on.
inline void copy_to_others(const Call& call, std::size_t offset, std::size_t bytes) {
    for (std::byte* other : call.destinations.subspan(1))
        std::memcpy(other + offset, call.destinations[0] + offset, bytes);
}

// Cuts off towards zero for integers. Doubles hold quotients of 32 bits closely enough for that,
// and there are vectors of them.
template <typename T>
HWY_NOINLINE void divide(T* values, std::size_t count, int divisor) {
    using Q = std::conditional_t<(sizeof(T) < 8 && std::is_integral_v<T>), double, T>;
    for (std::size_t i = 0; i < count; ++i)
        values[i] = static_cast<T>(static_cast<Q>(values[i]) / static_cast<Q>(divisor));
}

template <typename F, typename Convert, typename Stored, typename T>
void reduce_converted(const Call& call) {
    for (std::size_t begin = 0; begin < call.count; begin += block_elements) {
        const std::size_t length = std::min(block_elements, call.count - begin);
        alignas(64) T out[block_elements];
        tree_block<F, Convert, Stored>(call.sources, begin, length, out);
        if (call.divisor != 1) divide(out, length, call.divisor);
        std::byte* const first = call.destinations[0] + begin * sizeof(Stored);
        Convert::store(out, first, length);
        copy_to_others(call, begin * sizeof(Stored), length * sizeof(Stored));
    }
}

template <typename F, typename T>
void reduce_plain(const Call& call) {
    const auto* from = call.sources.data();
    const auto* to = call.destinations.data();
    const std::size_t n = call.sources.size();
    if (call.divisor == 1 && call.destinations.size() == n) {
        if (n == 2) return fused<F, 2, 2, T>(from, to, call.count, call.next);
        if (n == 4) return fused<F, 4, 4, T>(from, to, call.count, call.next);
        if (n == 8) return fused<F, 8, 8, T>(from, to, call.count, call.next);
    }
    if (call.divisor == 1 && call.destinations.size() == 1 && is_fused(n))
        return fuse<F, T>(call.sources, to[0], call.count, call.next);
    for (std::size_t begin = 0; begin < call.count; begin += block_elements) {
        const std::size_t length = std::min(block_elements, call.count - begin);
        alignas(64) T out[block_elements];
        plain_block<F, T>(call.sources, begin, length, reinterpret_cast<std::byte*>(out));
        if (call.divisor != 1) divide(out, length, call.divisor);
        std::memcpy(to[0] + begin * sizeof(T), out, length * sizeof(T));
        copy_to_others(call, begin * sizeof(T), length * sizeof(T));
    }
}

template <typename F>
void reduce_as(Dtype dtype, const Call& call) {
    switch (dtype) {
        case Dtype::u8:
            return reduce_plain<F, std::uint8_t>(call);
        case Dtype::i8:
            return reduce_plain<F, std::int8_t>(call);
        case Dtype::i16:
            return reduce_plain<F, std::int16_t>(call);
        case Dtype::i32:
            return reduce_plain<F, std::int32_t>(call);
        case Dtype::i64:
            return reduce_plain<F, std::int64_t>(call);
        case Dtype::f32:
            return reduce_plain<F, float>(call);
        case Dtype::f64:
            return reduce_plain<F, double>(call);
        case Dtype::f16:
            return reduce_converted<F, Float16, std::uint16_t, float>(call);
        case Dtype::bf16:
            return reduce_converted<F, Bfloat16, std::uint16_t, float>(call);
    }
}

// Bits do not know what element they belong to: bytes will do.
template <typename F>
void reduce_bits(Dtype dtype, Call call) {
    call.count *= size_of(dtype);
    call.next *= size_of(dtype);
    reduce_plain<F, std::uint8_t>(call);
}

// Truth of 0 or 1 a byte is combined like bits.
template <typename F>
void reduce_truth(Dtype dtype, const Call& call) {
    switch (dtype) {
        case Dtype::u8:
        case Dtype::i8:
            return reduce_converted<F, Truth<std::uint8_t>, std::uint8_t, std::uint8_t>(call);
        case Dtype::i16:
            return reduce_converted<F, Truth<std::uint16_t>, std::uint16_t, std::uint8_t>(call);
        case Dtype::i32:
            return reduce_converted<F, Truth<std::uint32_t>, std::uint32_t, std::uint8_t>(call);
        case Dtype::i64:
            return reduce_converted<F, Truth<std::uint64_t>, std::uint64_t, std::uint8_t>(call);
        case Dtype::f32:
            return reduce_converted<F, Truth<float>, float, std::uint8_t>(call);
        case Dtype::f64:
            return reduce_converted<F, Truth<double>, double, std::uint8_t>(call);
        case Dtype::f16:
            return reduce_converted<F, Truth16<0x3c00>, std::uint16_t, std::uint8_t>(call);
        case Dtype::bf16:
            return reduce_converted<F, Truth16<0x3f80>, std::uint16_t, std::uint8_t>(call);
    }
}

void reduce_here(Op op, Dtype dtype, std::span<const std::byte* const> sources,
                 std::span<std::byte* const> destinations, std::size_t count, std::size_t next) {
    Call call{sources, destinations, count, next, 1};
    switch (op) {
        case Op::sum:
            return reduce_as<Sum>(dtype, call);
        case Op::prod:
            return reduce_as<Prod>(dtype, call);
        case Op::min:
            return reduce_as<Min>(dtype, call);
        case Op::max:
            return reduce_as<Max>(dtype, call);
        case Op::avg:
            call.divisor = static_cast<int>(sources.size());
            return reduce_as<Sum>(dtype, call);
        case Op::land:
            return reduce_truth<BitwiseAnd>(dtype, call);
        case Op::lor:
            return reduce_truth<BitwiseOr>(dtype, call);
        case Op::lxor:
            return reduce_truth<BitwiseXor>(dtype, call);
        case Op::band:
            return reduce_bits<BitwiseAnd>(dtype, call);
        case Op::bor:
            return reduce_bits<BitwiseOr>(dtype, call);
        case Op::bxor:
            return reduce_bits<BitwiseXor>(dtype, call);
    }
}

#ifdef HWY_TARGET_STR  // what the compiler was told above, by HWY_BEFORE_NAMESPACE
inline constexpr ReduceTarget compiled_here{HWY_TARGET_STR, reduce_here};
#else
inline constexpr ReduceTarget compiled_here{"", reduce_here};
#endif

}  // namespace ipcrun::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
