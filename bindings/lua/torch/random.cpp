// SPDX-License-Identifier: Apache-2.0
// Random numbers of one distribution, from the generator of this Lua state.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "base/fail.hpp"
#include "bindings/lua/context.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/modules.hpp"
#include "bindings/lua/torch/walk.hpp"

namespace ipcrun::lua {

namespace {

enum class Distribution {
    uniform,
    normal,
    random,
    exponential,
    geometric,
    cauchy,
    log_normal,
};

/// Stores `next()` in every element, in row-major order.
template <typename Next>
void generate(const View& to, Next&& next) {
    for_each_run(plan_walk({&to}, WalkOrder::row_major),
                 [&](std::byte* const* data, const std::int64_t* strides, std::int64_t count) {
                     const std::int64_t step = strides[0] * std::int64_t(size_of(to.dtype));
                     std::byte* element = data[0];
                     if (to.dtype == Dtype::f32) {
                         for (std::int64_t i = 0; i < count; ++i, element += step)
                             *reinterpret_cast<float*>(element) = float(next().real);
                     } else {
                         for (std::int64_t i = 0; i < count; ++i, element += step)
                             store_element(to.dtype, element, next());
                     }
                 });
}

/// `value` as an element of `dtype` would hold it.
double rounded(double value, Dtype dtype) {
    if (dtype == Dtype::f64) return value;
    if (dtype == Dtype::f32) return double(float(value));
    const Element element = to_element(Scalar::of(value), dtype);
    return load_element(dtype, element.bytes).real;
}

void generate_uniform(std::mt19937_64& generator, const View& to, double low, double high) {
    std::uniform_real_distribution<double> distribution(low, high);
    const double below = rounded(high, to.dtype);
    generate(to, [&] {
        const double value = distribution(generator);
        // Rounding to the element may reach `high`, which is outside.
        const bool reaches = is_floating(to.dtype) && rounded(value, to.dtype) >= below;
        return Scalar::of(reaches ? low : value);
    });
}

void generate_normal(std::mt19937_64& generator, const View& to, double mean, double deviation) {
    std::normal_distribution<double> distribution;
    generate(to, [&] { return Scalar::of(mean + deviation * distribution(generator)); });
}

void generate_integers(std::mt19937_64& generator, const View& to, std::int64_t low,
                       std::int64_t high) {
    if (low > high) fail(ErrorCode::usage, "random: {} is above {}", low, high);
    std::uniform_int_distribution<std::int64_t> distribution(low, high);
    generate(to, [&] { return Scalar::of(distribution(generator)); });
}

/// The number of tries until the first success.
std::int64_t tries(std::mt19937_64& generator, double probability) {
    return 1 + std::geometric_distribution<std::int64_t>(probability)(generator);
}

/// One number of the distributions that torch7 has as functions too; `second` may be without a
/// meaning.
Scalar draw(std::mt19937_64& generator, Distribution kind, double first, double second) {
    switch (kind) {
        case Distribution::exponential:
            return Scalar::of(std::exponential_distribution<double>(first)(generator));
        case Distribution::geometric:
            return Scalar::of(tries(generator, first));
        case Distribution::cauchy:
            return Scalar::of(std::cauchy_distribution<double>(first, second)(generator));
        case Distribution::log_normal: {
            // The mean and the deviation are those of the numbers, not of their logarithms.
            const double spread = std::log1p(second * second / (first * first));
            std::lognormal_distribution<double> distribution(std::log(first) - spread / 2,
                                                             std::sqrt(spread));
            return Scalar::of(distribution(generator));
        }
        case Distribution::normal:
            return Scalar::of(first + second * std::normal_distribution<double>()(generator));
        default:
            return Scalar::of(std::uniform_real_distribution<double>(first, second)(generator));
    }
}

/// Throws usage for parameters without a distribution.
void check_parameters(const char* name, Distribution kind, double first, double second) {
    if (kind == Distribution::geometric && !(first > 0 && first < 1))
        fail(ErrorCode::usage, "{}: the probability {} is not between 0 and 1", name, first);
    if (kind == Distribution::uniform && !(first <= second))
        fail(ErrorCode::usage, "{}: {} is above {}", name, first, second);
    if (kind == Distribution::normal && !(second >= 0))
        fail(ErrorCode::usage, "{}: the standard deviation {} is negative", name, second);
    const bool is_positive = kind == Distribution::exponential || kind == Distribution::log_normal;
    if (is_positive && !(first > 0))
        fail(ErrorCode::usage, "{}: expected a number above 0, got {}", name, first);
    const bool has_scale = kind == Distribution::cauchy || kind == Distribution::log_normal;
    if (has_scale && !(second > 0))
        fail(ErrorCode::usage, "{}: expected a number above 0, got {}", name, second);
}

/// What the first parameter is when it is not given; the second is 1.
double default_of(Distribution kind) {
    return kind == Distribution::exponential || kind == Distribution::log_normal ? 1 : 0;
}

/// The largest integer that `dtype` holds exactly together with all below.
std::int64_t largest_integer(Dtype dtype) {
    constexpr std::int64_t largest[dtype_count] = {
        255, 127, 32767, 2147483647, INT64_MAX, 2048, 256, 1 << 24, std::int64_t(1) << 53};
    return largest[int(dtype)];
}

/// t:uniform([low, high]), t:normal([mean, deviation]), t:random([[low,] high]), t:geometric(p),
/// ...
int fill_random(lua_State* lua) {
    const Call call = begin_call(lua);
    if (!call.is("T") && !call.is("TN") && !call.is("TNN"))
        raise_usage(lua, call.name, "(tensor [, number [, number]])");
    Tensor& self = check_tensor(lua, 1);
    const int count = lua_gettop(lua) - 1;
    const auto kind = Distribution(call.op);
    const double first = luaL_optnumber(lua, 2, default_of(kind));
    const double second = luaL_optnumber(lua, 3, 1);
    const bool is_random = call.op == int(Distribution::random);
    const std::int64_t low = is_random && count == 2 ? luaL_checkinteger(lua, 2) : 1;
    const std::int64_t high = !is_random || count == 0 ? largest_integer(self.dtype())
                                                       : luaL_checkinteger(lua, count + 1);
    std::mt19937_64& generator = context(lua).generator;
    run(lua, [&] {
        const View to = view_of(self);
        check_writable(to, call.name);
        if (!is_random) check_parameters(call.name, kind, first, second);
        switch (kind) {
            case Distribution::uniform:
                return generate_uniform(generator, to, first, second);
            case Distribution::normal:
                return generate_normal(generator, to, first, second);
            case Distribution::random:
                return generate_integers(generator, to, low, high);
            default:
                return generate(to, [&] { return draw(generator, kind, first, second); });
        }
    });
    lua_settop(lua, 1);
    return 1;
}

/// torch.rand([result,] sizes) and torch.randn
int random_tensor(lua_State* lua) {
    const bool is_normal = lua_tointeger(lua, lua_upvalueindex(2)) == int(Distribution::normal);
    const int result_index = test_tensor(lua, 1) != nullptr ? 1 : 0;
    if (result_index != 0 && lua_gettop(lua) == 1)
        raise_usage(lua, is_normal ? "randn" : "rand", "([result,] sizes)");
    const Shape shape = check_shape(lua, result_index + 1);
    const Dtype dtype = result_index != 0 ? check_tensor(lua, 1).dtype() : default_dtype(lua);
    std::mt19937_64& generator = context(lua).generator;
    Tensor& result = push_result(lua, result_index);
    run(lua, [&] {
        prepare_result(lua, is_normal ? "randn" : "rand", result, dtype, shape);
        if (is_normal)
            generate_normal(generator, view_of(result), 0, 1);
        else
            generate_uniform(generator, view_of(result), 0, 1);
    });
    return 1;
}

/// torch.randperm([result,] n): the numbers 1 to n in random order
int random_permutation(lua_State* lua) {
    const int result_index = test_tensor(lua, 1) != nullptr ? 1 : 0;
    const lua_Integer count = luaL_checkinteger(lua, result_index + 1);
    luaL_argcheck(lua, count >= 0, result_index + 1, "the size is negative");
    const Dtype dtype = result_index != 0 ? check_tensor(lua, 1).dtype() : default_dtype(lua);
    check_fits(lua, result_index + 1, Scalar::of(std::int64_t(count)), dtype);
    std::mt19937_64& generator = context(lua).generator;
    Tensor& result = push_result(lua, result_index);
    run(lua, [&] {
        const Shape shape{1, {count}};
        prepare_result(lua, "randperm", result, dtype, shape);
        const Scratch order(Dtype::i64, shape);
        auto* numbers = reinterpret_cast<std::int64_t*>(order.view.data);
        std::iota(numbers, numbers + count, 1);
        std::shuffle(numbers, numbers + count, generator);
        copy(order.view, view_of(result));
    });
    return 1;
}

/// torch.random([[low,] high]) -> integer
int random_integer(lua_State* lua) {
    const int count = lua_gettop(lua);
    const std::int64_t low = count >= 2 ? luaL_checkinteger(lua, 1) : 1;
    const std::int64_t high = count == 0 ? 4294967295 : luaL_checkinteger(lua, count >= 2 ? 2 : 1);
    luaL_argcheck(lua, low <= high, count >= 2 ? 2 : 1, "the interval is empty");
    std::uniform_int_distribution<std::int64_t> distribution(low, high);
    lua_pushinteger(lua, distribution(context(lua).generator));
    return 1;
}

/// torch.uniform([low, high]), torch.normal([mean, deviation]), ... -> number
int random_number(lua_State* lua) {
    const Call call = begin_call(lua);
    const auto kind = Distribution(call.op);
    const double first = luaL_optnumber(lua, 1, default_of(kind));
    const double second = luaL_optnumber(lua, 2, 1);
    std::mt19937_64& generator = context(lua).generator;
    Scalar value;
    run(lua, [&] {
        check_parameters(call.name, kind, first, second);
        value = draw(generator, kind, first, second);
    });
    push_scalar(lua, value);
    return 1;
}

int manual_seed(lua_State* lua) {
    context(lua).generator.seed(std::uint64_t(luaL_checkinteger(lua, 1)));
    return 0;
}

/// Seeds from the system and returns the seed.
int seed(lua_State* lua) {
    std::uint64_t value = 0;
    run(lua, [&] {
        std::random_device device;
        value = (std::uint64_t(device()) << 21) ^ device();
    });
    context(lua).generator.seed(value);
    lua_pushinteger(lua, lua_Integer(value));
    return 1;
}

}  // namespace

void register_random(lua_State* lua, int torch, int methods) {
    static const Entry entries[] = {
        {"uniform", fill_random, int(Distribution::uniform), Entry::method_only},
        {"normal", fill_random, int(Distribution::normal), Entry::method_only},
        {"random", fill_random, int(Distribution::random), Entry::method_only},
        {"exponential", fill_random, int(Distribution::exponential), Entry::method_only},
        {"geometric", fill_random, int(Distribution::geometric), Entry::method_only},
        {"cauchy", fill_random, int(Distribution::cauchy), Entry::method_only},
        {"logNormal", fill_random, int(Distribution::log_normal), Entry::method_only},
        {"rand", random_tensor, int(Distribution::uniform)},
        {"randn", random_tensor, int(Distribution::normal)},
        {"randperm", random_permutation},
        {"random", random_integer, 0, Entry::function_only},
        {"uniform", random_number, int(Distribution::uniform), Entry::function_only},
        {"normal", random_number, int(Distribution::normal), Entry::function_only},
        {"exponential", random_number, int(Distribution::exponential), Entry::function_only},
        {"geometric", random_number, int(Distribution::geometric), Entry::function_only},
        {"cauchy", random_number, int(Distribution::cauchy), Entry::function_only},
        {"logNormal", random_number, int(Distribution::log_normal), Entry::function_only},
        {"manualSeed", manual_seed, 0, Entry::function_only},
        {"seed", seed, 0, Entry::function_only},
    };
    register_entries(lua, torch, methods, entries);
}

}  // namespace ipcrun::lua
