// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cstring>

#include "base/fail.hpp"
#include "tests/runtime/exact_cases.hpp"
#include "tests/runtime/reduce_reference.hpp"

namespace ipcrun::test {

namespace {

// Above this a rank proves its share of the elements, and that all ranks hold the same.
constexpr std::size_t large_count = 10000;

std::uint64_t mixed(std::uint64_t value) {
    value = (value ^ value >> 30) * 0xbf58'476d'1ce4'e5b9;
    value = (value ^ value >> 27) * 0x94d0'49bb'1331'11eb;
    return value ^ value >> 31;
}

template <typename F>
auto with_form(Dtype dtype, F body) {
    switch (dtype) {
        case Dtype::u8:
            return body(Same<std::uint8_t>());
        case Dtype::i8:
            return body(Same<std::int8_t>());
        case Dtype::i16:
            return body(Same<std::int16_t>());
        case Dtype::i32:
            return body(Same<std::int32_t>());
        case Dtype::i64:
            return body(Same<std::int64_t>());
        case Dtype::f16:
            return body(Half<10>());
        case Dtype::bf16:
            return body(Half<7>());
        case Dtype::f32:
            return body(Same<float>());
        default:
            return body(Same<double>());
    }
}

constexpr int mantissa_bits(Dtype dtype) {
    return dtype == Dtype::f16 ? 10 : dtype == Dtype::bf16 ? 7 : dtype == Dtype::f32 ? 23 : 52;
}

// What `rank` gives: integers are any bits, floats ordinary numbers of sizes that make rounding
// matter, and few of any bits: zeros, infinite, subnormal, no numbers.
std::uint64_t element_bits(Dtype dtype, int rank, std::size_t i) {
    const std::uint64_t any = mixed(mixed(i + 1) + static_cast<std::uint64_t>(rank) * 977 + 1);
    if (!is_floating(dtype)) return any;
    const auto kind = any >> 56;
    if (kind == 0) return 0;
    if (kind == 1) return any;
    const int mantissa = mantissa_bits(dtype);
    const int bits = static_cast<int>(size_of(dtype)) * 8;
    const std::uint64_t bias = (1ull << (bits - mantissa - 2)) - 1;
    const std::uint64_t exponent = bias - 8 + mixed(any) % 16;
    return (any & 1) << (bits - 1) | exponent << mantissa | (any >> 1 & ((1ull << mantissa) - 1));
}

Bytes input_of(Dtype dtype, int rank, std::size_t count) {
    const std::size_t size = size_of(dtype);
    Bytes result(count * size);
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t bits = element_bits(dtype, rank, i);
        std::memcpy(result.data() + i * size, &bits, size);
    }
    return result;
}

// Makes all NaNs alike: which of several comes out is left open.
void forget_which_nan(Dtype dtype, Bytes& data) {
    with_form(dtype, [&](auto form) {
        using Form = decltype(form);
        typename Form::Bits bits;
        for (std::size_t at = 0; at < data.size(); at += sizeof bits) {
            std::memcpy(&bits, data.data() + at, sizeof bits);
            if (Form::is_nan(bits)) std::memset(data.data() + at, 0xff, sizeof bits);
        }
    });
}

Bytes expected_of(Op op, Dtype dtype, int ranks, std::size_t first, std::size_t count) {
    Bytes result(count * size_of(dtype));
    with_form(dtype, [&](auto form) {
        using Form = decltype(form);
        std::vector<typename Form::Value> column(static_cast<std::size_t>(ranks));
        typename Form::Bits bits;
        for (std::size_t i = 0; i < count; ++i) {
            for (int rank = 0; rank < ranks; ++rank) {
                const std::uint64_t given = element_bits(dtype, rank, first + i);
                std::memcpy(&bits, &given, sizeof bits);
                column[rank] = Form::decode(bits);
            }
            bits = Form::encode(expected(op, column));
            std::memcpy(result.data() + i * sizeof bits, &bits, sizeof bits);
        }
    });
    forget_which_nan(dtype, result);
    return result;
}

void expect_equal_everywhere(Self self, const Bytes& data, const std::string& what) {
    std::uint64_t hash = data.size();
    for (std::size_t at = 0; at < data.size(); ++at)
        hash = (hash ^ static_cast<std::uint64_t>(data[at])) * 0x100'0000'01b3;
    std::vector<std::uint64_t> all(static_cast<std::size_t>(self.world.size()));
    const Part own{&hash, 8, Dtype::u8};
    const Part result{all.data(), all.size() * 8, Dtype::u8};
    self.world.run(Collective::allgather(own, result));
    for (const std::uint64_t other : all) expect(other == hash, what + ": ranks hold other bits");
}

struct Case {
    Self self;
    Op op;
    Dtype dtype;
    std::size_t count;
    Where where;

    int rank() const { return self.world.rank(); }
    int ranks() const { return self.world.size(); }
    std::string name(const char* kind) const {
        return fmt::format("{}({} {}, {}) in {} memory of {} ranks, rank {}", kind, count,
                           ipcrun::name_of(dtype), ipcrun::name_of(op), test::name_of(where),
                           ranks(), rank());
    }
};

// Returns the result, for others to be the same.
Bytes check_allreduce(const Case& now) {
    Buffer buffer(now.self, now.where, now.dtype, now.count);
    buffer.put(input_of(now.dtype, now.rank(), now.count));
    now.self.world.allreduce({&buffer.part(), 1}, now.op);
    Bytes result = buffer.get();
    expect(buffer.is_untouched_around(), now.name("allreduce") + ": wrote beside it");
    if (now.count > large_count || is_floating(now.dtype))
        expect_equal_everywhere(now.self, result, now.name("allreduce"));
    forget_which_nan(now.dtype, result);
    const bool is_large = now.count > large_count;
    const std::size_t n = is_large ? static_cast<std::size_t>(now.ranks()) : 1;
    const std::size_t share = is_large ? static_cast<std::size_t>(now.rank()) : 0;
    const std::size_t first = now.count * share / n;
    const std::size_t last = now.count * (share + 1) / n;
    const Bytes wanted = expected_of(now.op, now.dtype, now.ranks(), first, last - first);
    expect(std::equal(wanted.begin(), wanted.end(), result.data() + first * size_of(now.dtype)),
           now.name("allreduce") + ": other bits than expected");
    return result;
}

void check_reduce(const Case& now, const Bytes& wanted, bool in_place) {
    const int root = static_cast<int>(now.count) % now.ranks();
    const Bytes input = input_of(now.dtype, now.rank(), now.count);
    Buffer from(now.self, now.where, now.dtype, now.count);
    Buffer to(now.self, now.rank() % 2 == 0 ? Where::heap : now.where, now.dtype, now.count);
    from.put(input);
    const std::span<const Part> given{&from.part(), 1};
    const bool is_root = now.rank() == root;
    if (in_place)
        now.self.world.run(Collective::reduce(given, given, now.op, root));
    else if (is_root)
        now.self.world.run(Collective::reduce(given, {&to.part(), 1}, now.op, root));
    else
        now.self.world.run(Collective::reduce(given, {}, now.op, root));
    if (!is_root || !in_place)
        expect(from.get() == input, now.name("reduce") + ": changed what it was given");
    expect(from.is_untouched_around() && to.is_untouched_around(),
           now.name("reduce") + ": wrote beside it");
    if (!is_root) return;
    Bytes result = in_place ? from.get() : to.get();
    forget_which_nan(now.dtype, result);
    expect(result == wanted, now.name("reduce") + ": other bits than allreduce");
}

void check_reduce_scatter(const Case& now) {
    const auto n = static_cast<std::size_t>(now.ranks());
    const std::size_t block = now.count > large_count ? now.count / n : now.count;
    const Bytes input = input_of(now.dtype, now.rank(), n * block);
    Buffer from(now.self, now.where, now.dtype, n * block);
    Buffer to(now.self, now.rank() % 2 == 1 ? Where::heap : now.where, now.dtype, block);
    from.put(input);
    now.self.world.run(Collective::reduce_scatter(from.part(), to.part(), now.op));
    expect(from.get() == input, now.name("reduce_scatter") + ": changed what it was given");
    expect(from.is_untouched_around() && to.is_untouched_around(),
           now.name("reduce_scatter") + ": wrote beside it");
    Bytes result = to.get();
    forget_which_nan(now.dtype, result);
    const auto first = static_cast<std::size_t>(now.rank()) * block;
    expect(result == expected_of(now.op, now.dtype, now.ranks(), first, block),
           now.name("reduce_scatter") + ": other bits than expected");
}

}  // namespace

void check_reductions(Self self, Op op, Dtype dtype, std::size_t count, Where where) {
    const Case now{self, op, dtype, count, where};
    const Bytes result = check_allreduce(now);
    check_reduce(now, result, false);
    check_reduce(now, result, true);
    check_reduce_scatter(now);
}

}  // namespace ipcrun::test
