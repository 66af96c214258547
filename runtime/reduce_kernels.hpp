// SPDX-License-Identifier: Apache-2.0
// Included anew for every target: no include guard.
/// The loops of reduce(), compiled once for each vector instruction set by Highway's foreach_target
/// (from reduce.cpp): plain loops that the compiler turns into vectors.

#include <hwy/highway.h>

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
struct Min {
    template <typename T>
    static T combine(T a, T b) {
        return (a < b || a != a) ? a : b;
    }
};
struct Max {
    template <typename T>
    static T combine(T a, T b) {
        return (a > b || a != a) ? a : b;
    }
};

// Element `i` of the tree over N sources, N a power of two.
template <typename F, int N, typename T>
HWY_INLINE T tree_element(const T* const* sources, std::size_t i) {
    if constexpr (N == 1)
        return sources[0][i];
    else
        return F::combine(tree_element<F, N / 2>(sources, i),
                          tree_element<F, N / 2>(sources + N / 2, i));
}

template <typename F, int N, int M, typename T>
HWY_INLINE void fused_run(const std::byte* const* sources, std::byte* const* destinations,
                          std::size_t begin, std::size_t end) {
    const T* from[N];
    T* to[M];
    for (int n = 0; n < N; ++n) from[n] = reinterpret_cast<const T*>(sources[n]);
    for (int m = 0; m < M; ++m) to[m] = reinterpret_cast<T*>(destinations[m]);
#pragma GCC ivdep
    for (std::size_t i = begin; i < end; ++i) {
        const T value = tree_element<F, N>(from, i);
#pragma GCC unroll 8
        for (int m = 0; m < M; ++m) to[m][i] = value;
    }
}

// N sources straight into M destinations. Memory beyond the end and what is `next` is not asked
// for: another rank may be working on it, and would lose it from its cache.
template <typename F, int N, int M, typename T>
HWY_NOINLINE void fused(const std::byte* const* sources, std::byte* const* destinations,
                        std::size_t count, std::size_t next) {
    constexpr std::size_t ahead = prefetch_bytes / sizeof(T);
    constexpr std::size_t step = prefetch_step_bytes / sizeof(T);
    std::size_t begin = 0;
    for (; begin + step <= count && begin + ahead + step <= count + next; begin += step) {
        for (int n = 0; n < N; ++n) {
            const std::byte* line = sources[n] + begin * sizeof(T) + prefetch_bytes;
#pragma GCC unroll 8
            for (std::size_t i = 0; i < prefetch_step_bytes; i += 64)
                __builtin_prefetch(line + i, N == M);  // in place: it will be written, too
        }
        fused_run<F, N, M, T>(sources, destinations, begin, begin + step);
    }
    fused_run<F, N, M, T>(sources, destinations, begin, count);
}

// `stored` is what lies in memory, `T` what is computed with; they differ for f16 and bf16.
struct Plain {
    template <typename T>
    static void load(const T* from, T* to, std::size_t count) {
        std::memcpy(to, from, count * sizeof(T));
    }
    template <typename T>
    static void store(const T* from, T* to, std::size_t count) {
        std::memcpy(to, from, count * sizeof(T));
    }
};

struct Bfloat16 {
    static void load(const std::uint16_t* from, float* to, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i)
            to[i] = std::bit_cast<float>(static_cast<std::uint32_t>(from[i]) << 16);
    }
    static void store(const float* from, std::uint16_t* to, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            const auto bits = std::bit_cast<std::uint32_t>(from[i]);
            // To the nearest, ties to even; a NaN stays one.
            const std::uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
            const bool nan = (bits & 0x7fff'ffff) > 0x7f80'0000;
            to[i] = static_cast<std::uint16_t>((nan ? bits | 0x40'0000 : rounded) >> 16);
        }
    }
};

struct Float16 {
    // Highway's conversions are those of the CPU where it has some, and round to the nearest. What
    // stands in for them on older CPUs cuts off, and makes infinity a number: not used here.
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128 || HWY_TARGET == HWY_SSSE3 || \
    HWY_TARGET == HWY_SSE4 || defined(HWY_DISABLE_F16C)
    static void load(const std::uint16_t* from, float* to, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint32_t rest = from[i] & 0x7fffu;
            std::uint32_t bits = (rest << 13) + (std::uint32_t{127 - 15} << 23);
            if (rest >= 0x7c00)  // infinity, or a NaN, which becomes a quiet one
                bits = 0x7f80'0000 | (rest & 0x3ff) << 13 | (rest > 0x7c00 ? 0x40'0000 : 0);
            else if (rest < 0x400)  // subnormal: a multiple of 2^-24
                bits = std::bit_cast<std::uint32_t>(static_cast<float>(rest) * 0x1p-24f);
            to[i] = std::bit_cast<float>(std::uint32_t{from[i]} >> 15 << 31 | bits);
        }
    }
    static void store(const float* from, std::uint16_t* to, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            const auto bits = std::bit_cast<std::uint32_t>(from[i]);
            const std::uint32_t rest = bits & 0x7fff'ffff;
            std::uint32_t half = 0;
            if (rest > 0x7f80'0000)
                half = 0x7e00 | (rest >> 13 & 0x3ff);
            else if (rest >= 0x4780'0000)  // 65536 and more
                half = 0x7c00;
            else if (rest < 0x3880'0000)  // subnormal: floats from 0.5 on have steps of 2^-24
                half =
                    std::bit_cast<std::uint32_t>(std::bit_cast<float>(rest) + 0.5f) - 0x3f00'0000;
            else  // to the nearest, ties to even
                half = (rest - (std::uint32_t{127 - 15} << 23) + 0xfff + (rest >> 13 & 1)) >> 13;
            to[i] = static_cast<std::uint16_t>(bits >> 31 << 15 | half);
        }
    }
#else
    static void load(const std::uint16_t* from, float* to, std::size_t count) {
        namespace hn = hwy::HWY_NAMESPACE;
        const hn::CappedTag<float, 4> floats;
        const hn::Rebind<hwy::float16_t, decltype(floats)> halves;
        const std::size_t lanes = hn::Lanes(floats);
        HWY_ALIGN hwy::float16_t in[4] = {};
        HWY_ALIGN float out[4];
        for (std::size_t i = 0; i < count; i += lanes) {
            const std::size_t n = std::min(lanes, count - i);
            std::memcpy(in, from + i, n * 2);
            hn::Store(hn::PromoteTo(floats, hn::Load(halves, in)), floats, out);
            std::memcpy(to + i, out, n * 4);
        }
    }
    static void store(const float* from, std::uint16_t* to, std::size_t count) {
        namespace hn = hwy::HWY_NAMESPACE;
        const hn::CappedTag<float, 4> floats;
        const hn::Rebind<hwy::float16_t, decltype(floats)> halves;
        const std::size_t lanes = hn::Lanes(floats);
        HWY_ALIGN float in[4] = {};
        HWY_ALIGN hwy::float16_t out[4];
        for (std::size_t i = 0; i < count; i += lanes) {
            const std::size_t n = std::min(lanes, count - i);
            std::memcpy(in, from + i, n * 4);
            hn::Store(hn::DemoteTo(halves, hn::Load(floats, in)), halves, out);
            std::memcpy(to + i, out, n * 2);
        }
    }
#endif
};

// The tree over any number of sources, one block, into `out`.
template <typename F, typename Convert, typename Stored, typename T>
void tree_block(const std::byte* const* sources, int n, std::size_t begin, std::size_t count,
                T* out) {
    if (n == 1)
        return Convert::load(reinterpret_cast<const Stored*>(sources[0]) + begin, out, count);
    if constexpr (std::is_same_v<Stored, T>) {
        if (n == 2 || n == 4 || n == 8) {
            const std::byte* from[8];
            for (int i = 0; i < n; ++i) from[i] = sources[i] + begin * sizeof(T);
            auto* to = reinterpret_cast<std::byte*>(out);
            if (n == 2) return fused<F, 2, 1, T>(from, &to, count, 0);
            if (n == 4) return fused<F, 4, 1, T>(from, &to, count, 0);
            return fused<F, 8, 1, T>(from, &to, count, 0);
        }
    }
    const int left = static_cast<int>(std::bit_floor(static_cast<unsigned>(n - 1)));
    alignas(64) T right[block_elements];
    tree_block<F, Convert, Stored>(sources, left, begin, count, out);
    tree_block<F, Convert, Stored>(sources + left, n - left, begin, count, right);
#pragma GCC ivdep
    for (std::size_t i = 0; i < count; ++i) out[i] = F::combine(out[i], right[i]);
}

template <typename F, typename Convert, typename Stored, typename T>
void reduce_blocks(std::span<const std::byte* const> sources,
                   std::span<std::byte* const> destinations, std::size_t count, int divisor) {
    const int n = static_cast<int>(sources.size());
    for (std::size_t begin = 0; begin < count; begin += block_elements) {
        const std::size_t length = std::min(block_elements, count - begin);
        alignas(64) T out[block_elements];
        tree_block<F, Convert, Stored>(sources.data(), n, begin, length, out);
        if (divisor != 1)
            for (std::size_t i = 0; i < length; ++i) out[i] = static_cast<T>(out[i] / divisor);
        alignas(64) Stored result[block_elements];
        Convert::store(out, result, length);
        for (std::byte* destination : destinations)
            std::memcpy(destination + begin * sizeof(Stored), result, length * sizeof(Stored));
    }
}

template <typename F, typename T>
void reduce_plain(std::span<const std::byte* const> sources,
                  std::span<std::byte* const> destinations, std::size_t count, std::size_t next,
                  int divisor) {
    const auto* from = sources.data();
    const auto* to = destinations.data();
    const std::size_t n = sources.size();
    if (divisor == 1 && n == destinations.size()) {
        if (n == 2) return fused<F, 2, 2, T>(from, to, count, next);
        if (n == 4) return fused<F, 4, 4, T>(from, to, count, next);
        if (n == 8) return fused<F, 8, 8, T>(from, to, count, next);
    }
    reduce_blocks<F, Plain, T, T>(sources, destinations, count, divisor);
}

template <typename F>
void reduce_as(Dtype dtype, std::span<const std::byte* const> sources,
               std::span<std::byte* const> destinations, std::size_t count, std::size_t next,
               int divisor) {
    switch (dtype) {
        case Dtype::u8:
            return reduce_plain<F, std::uint8_t>(sources, destinations, count, next, divisor);
        case Dtype::i8:
            return reduce_plain<F, std::int8_t>(sources, destinations, count, next, divisor);
        case Dtype::i16:
            return reduce_plain<F, std::int16_t>(sources, destinations, count, next, divisor);
        case Dtype::i32:
            return reduce_plain<F, std::int32_t>(sources, destinations, count, next, divisor);
        case Dtype::i64:
            return reduce_plain<F, std::int64_t>(sources, destinations, count, next, divisor);
        case Dtype::f32:
            return reduce_plain<F, float>(sources, destinations, count, next, divisor);
        case Dtype::f64:
            return reduce_plain<F, double>(sources, destinations, count, next, divisor);
        case Dtype::f16:
            return reduce_blocks<F, Float16, std::uint16_t, float>(sources, destinations, count,
                                                                   divisor);
        case Dtype::bf16:
            return reduce_blocks<F, Bfloat16, std::uint16_t, float>(sources, destinations, count,
                                                                    divisor);
    }
}

void reduce_here(Op op, Dtype dtype, std::span<const std::byte* const> sources,
                 std::span<std::byte* const> destinations, std::size_t count, std::size_t next) {
    switch (op) {
        case Op::sum:
            return reduce_as<Sum>(dtype, sources, destinations, count, next, 1);
        case Op::prod:
            return reduce_as<Prod>(dtype, sources, destinations, count, next, 1);
        case Op::min:
            return reduce_as<Min>(dtype, sources, destinations, count, next, 1);
        case Op::max:
            return reduce_as<Max>(dtype, sources, destinations, count, next, 1);
        case Op::avg:
            return reduce_as<Sum>(dtype, sources, destinations, count, next,
                                  static_cast<int>(sources.size()));
    }
}

}  // namespace ipcrun::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
