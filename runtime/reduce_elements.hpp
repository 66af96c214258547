// SPDX-License-Identifier: Apache-2.0
// Included anew for every target: no include guard.
/// How elements come out of memory and go back, for the loops of reduce_kernels.hpp: any address
/// will do, and the 16-bit floats become f32 and are rounded when they return.

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ipcrun::HWY_NAMESPACE {

// Elements lie at any address, aligned or not: memory is bytes, and vectors of this kind of load
// and store are as fast as others on the CPUs we know.
template <typename T>
HWY_INLINE T load_element(const std::byte* from, std::size_t i) {
    T value;
    std::memcpy(&value, from + i * sizeof(T), sizeof(T));
    return value;
}
template <typename T>
HWY_INLINE void store_element(T value, std::byte* to, std::size_t i) {
    std::memcpy(to + i * sizeof(T), &value, sizeof(T));
}

// Each of these loads elements into what they are computed with, and stores them again. Not
// inlined: all operators share them.
struct Bfloat16 {
    HWY_NOINLINE static void load(const std::byte* from, float* to, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i)
            to[i] = std::bit_cast<float>(std::uint32_t{load_element<std::uint16_t>(from, i)} << 16);
    }
    HWY_NOINLINE static void store(const float* from, std::byte* to, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            const auto bits = std::bit_cast<std::uint32_t>(from[i]);
            // To the nearest, ties to even; a NaN stays one.
            const std::uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
            const bool nan = (bits & 0x7fff'ffff) > 0x7f80'0000;
            const std::uint32_t upper = (nan ? bits | 0x40'0000 : rounded) >> 16;
            store_element(static_cast<std::uint16_t>(upper), to, i);
        }
    }
};

struct Float16 {
    static float widen(std::uint16_t half) {
        const std::uint32_t rest = half & 0x7fffu;
        std::uint32_t bits = (rest << 13) + (std::uint32_t{127 - 15} << 23);
        if (rest >= 0x7c00)  // infinity, or a NaN, which becomes a quiet one
            bits = 0x7f80'0000 | (rest & 0x3ff) << 13 | (rest > 0x7c00 ? 0x40'0000 : 0);
        else if (rest < 0x400)  // subnormal: a multiple of 2^-24
            bits = std::bit_cast<std::uint32_t>(static_cast<float>(rest) * 0x1p-24f);
        return std::bit_cast<float>(std::uint32_t{half} >> 15 << 31 | bits);
    }
    static std::uint16_t narrow(float value) {
        const auto bits = std::bit_cast<std::uint32_t>(value);
        const std::uint32_t rest = bits & 0x7fff'ffff;
        std::uint32_t half = 0;
        if (rest > 0x7f80'0000)
            half = 0x7e00 | (rest >> 13 & 0x3ff);
        else if (rest >= 0x4780'0000)  // 65536 and more
            half = 0x7c00;
        else if (rest < 0x3880'0000)  // subnormal: floats from 0.5 on have steps of 2^-24
            half = std::bit_cast<std::uint32_t>(std::bit_cast<float>(rest) + 0.5f) - 0x3f00'0000;
        else  // to the nearest, ties to even
            half = (rest - (std::uint32_t{127 - 15} << 23) + 0xfff + (rest >> 13 & 1)) >> 13;
        return static_cast<std::uint16_t>(bits >> 31 << 15 | half);
    }
    // Highway's conversions are those of the CPU where it has some, and round to the nearest. What
    // stands in for them on older CPUs cuts off, and makes infinity a number: not used here.
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128 || HWY_TARGET == HWY_SSSE3 || \
    HWY_TARGET == HWY_SSE4 || defined(HWY_DISABLE_F16C)
    static std::size_t load_vectors(const std::byte*, float*, std::size_t) {
        return 0;
    }
    static std::size_t store_vectors(const float*, std::byte*, std::size_t) {
        return 0;
    }
#else
    // Both return how many elements they did: all but those that do not fill a vector.
    static std::size_t load_vectors(const std::byte* from, float* to, std::size_t count) {
        namespace hn = hwy::HWY_NAMESPACE;
        const hn::ScalableTag<float> floats;
        const hn::Rebind<hwy::float16_t, decltype(floats)> halves;
        const hn::Repartition<std::uint8_t, decltype(halves)> bytes;
        std::size_t i = 0;
        for (; i + hn::Lanes(floats) <= count; i += hn::Lanes(floats)) {
            const auto* in = reinterpret_cast<const std::uint8_t*>(from + 2 * i);
            hn::StoreU(hn::PromoteTo(floats, hn::BitCast(halves, hn::LoadU(bytes, in))), floats,
                       to + i);
        }
        return i;
    }
    static std::size_t store_vectors(const float* from, std::byte* to, std::size_t count) {
        namespace hn = hwy::HWY_NAMESPACE;
        const hn::ScalableTag<float> floats;
        const hn::Rebind<hwy::float16_t, decltype(floats)> halves;
        const hn::Repartition<std::uint8_t, decltype(halves)> bytes;
        std::size_t i = 0;
        for (; i + hn::Lanes(floats) <= count; i += hn::Lanes(floats)) {
            auto* out = reinterpret_cast<std::uint8_t*>(to + 2 * i);
            const auto narrow = hn::DemoteTo(halves, hn::LoadU(floats, from + i));
            hn::StoreU(hn::BitCast(bytes, narrow), bytes, out);
        }
        return i;
    }
#endif
    HWY_NOINLINE static void load(const std::byte* from, float* to, std::size_t count) {
        for (std::size_t i = load_vectors(from, to, count); i < count; ++i)
            to[i] = widen(load_element<std::uint16_t>(from, i));
    }
    HWY_NOINLINE static void store(const float* from, std::byte* to, std::size_t count) {
        for (std::size_t i = store_vectors(from, to, count); i < count; ++i)
            store_element(narrow(from[i]), to, i);
    }
};

// Whether an element is other than zero, as a byte of 0 or 1, and 0 or 1 as an element.
template <typename T>
struct Truth {
    HWY_NOINLINE static void load(const std::byte* from, std::uint8_t* to, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) to[i] = load_element<T>(from, i) != T{0} ? 1 : 0;
    }
    HWY_NOINLINE static void store(const std::uint8_t* from, std::byte* to, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) store_element(static_cast<T>(from[i]), to, i);
    }
};

// The same of 16-bit floats, which have two zeros; `one` is how theirs looks.
template <std::uint16_t one>
struct Truth16 {
    HWY_NOINLINE static void load(const std::byte* from, std::uint8_t* to, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i)
            to[i] = (load_element<std::uint16_t>(from, i) & 0x7fff) != 0 ? 1 : 0;
    }
    HWY_NOINLINE static void store(const std::uint8_t* from, std::byte* to, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i)
            store_element(static_cast<std::uint16_t>(from[i] * one), to, i);
    }
};

}  // namespace ipcrun::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
