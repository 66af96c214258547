// SPDX-License-Identifier: Apache-2.0
// Random numbers, from the generator of this Lua state.
#include <algorithm>
#include <numeric>
#include <random>

#include "base/fail.hpp"
#include "bindings/lua/context.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/modules.hpp"
#include "bindings/lua/torch/walk.hpp"

namespace ipcrun::lua {

namespace {

enum class Distribution { uniform, normal, random, bernoulli };

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
    if (!(low <= high)) fail(ErrorCode::usage, "uniform: {} is above {}", low, high);
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
    if (!(deviation >= 0))
        fail(ErrorCode::usage, "normal: the standard deviation {} is negative", deviation);
    std::normal_distribution<double> distribution;
    generate(to, [&] { return Scalar::of(mean + deviation * distribution(generator)); });
}

void generate_integers(std::mt19937_64& generator, const View& to, std::int64_t low,
                       std::int64_t high) {
    if (low > high) fail(ErrorCode::usage, "random: {} is above {}", low, high);
    std::uniform_int_distribution<std::int64_t> distribution(low, high);
    generate(to, [&] { return Scalar::of(distribution(generator)); });
}

void generate_bernoulli(std::mt19937_64& generator, const View& to, double probability) {
    if (!(probability >= 0 && probability <= 1))
        fail(ErrorCode::usage, "bernoulli: the probability {} is not between 0 and 1", probability);
    std::bernoulli_distribution distribution(probability);
    generate(to, [&] { return Scalar::of(std::int64_t(distribution(generator))); });
}

/// The largest integer that `dtype` holds exactly together with all below.
std::int64_t largest_integer(Dtype dtype) {
    constexpr std::int64_t largest[dtype_count] = {
        255, 127, 32767, 2147483647, INT64_MAX, 2048, 256, 1 << 24, std::int64_t(1) << 53};
    return largest[int(dtype)];
}

/// t:uniform([low, high]), t:normal([mean, deviation]), t:random([[low,] high]), t:bernoulli([p])
int fill_random(lua_State* lua) {
    const Call call = begin_call(lua);
    if (!call.is("T") && !call.is("TN") && !call.is("TNN"))
        raise_usage(lua, call.name, "(tensor [, number [, number]])");
    Tensor& self = check_tensor(lua, 1);
    const int count = lua_gettop(lua) - 1;
    const double first = luaL_optnumber(lua, 2, call.op == int(Distribution::bernoulli) ? 0.5 : 0);
    const double second = luaL_optnumber(lua, 3, 1);
    const bool is_random = call.op == int(Distribution::random);
    const std::int64_t low = is_random && count == 2 ? luaL_checkinteger(lua, 2) : 1;
    const std::int64_t high = !is_random || count == 0 ? largest_integer(self.dtype())
                                                       : luaL_checkinteger(lua, count + 1);
    std::mt19937_64& generator = context(lua).generator;
    run(lua, [&] {
        const View to = view_of(self);
        check_writable(to, call.name);
        switch (Distribution(call.op)) {
            case Distribution::uniform:
                return generate_uniform(generator, to, first, second);
            case Distribution::normal:
                return generate_normal(generator, to, first, second);
            case Distribution::random:
                return generate_integers(generator, to, low, high);
            case Distribution::bernoulli:
                return generate_bernoulli(generator, to, first);
        }
    });
    lua_settop(lua, 1);
    return 1;
}

/// torch.rand([result,] sizes) and torch.randn
int random_tensor(lua_State* lua) {
    const bool is_normal = lua_tointeger(lua, lua_upvalueindex(2)) == int(Distribution::normal);
    const int result_index = test_tensor(lua, 1) != nullptr ? 1 : 0;
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

/// torch.randperm(n): the numbers 1 to n in random order
int random_permutation(lua_State* lua) {
    const lua_Integer count = luaL_checkinteger(lua, 1);
    luaL_argcheck(lua, count >= 0, 1, "the size is negative");
    const Dtype dtype = default_dtype(lua);
    std::mt19937_64& generator = context(lua).generator;
    Tensor& result = push_tensor(lua);
    run(lua, [&] {
        const Shape shape{1, {count}};
        allocate(lua, result, dtype, shape);
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

/// torch.uniform([low, high]), torch.normal([mean, deviation]) -> number
int random_number(lua_State* lua) {
    const double first = luaL_optnumber(lua, 1, 0);
    const double second = luaL_optnumber(lua, 2, 1);
    std::mt19937_64& generator = context(lua).generator;
    if (lua_tointeger(lua, lua_upvalueindex(2)) == int(Distribution::normal)) {
        std::normal_distribution<double> distribution;
        lua_pushnumber(lua, first + second * distribution(generator));
    } else {
        luaL_argcheck(lua, first <= second, 2, "the interval is empty");
        std::uniform_real_distribution<double> distribution(first, second);
        lua_pushnumber(lua, distribution(generator));
    }
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
        {"bernoulli", fill_random, int(Distribution::bernoulli), Entry::method_only},
        {"rand", random_tensor, int(Distribution::uniform), Entry::function_only},
        {"randn", random_tensor, int(Distribution::normal), Entry::function_only},
        {"randperm", random_permutation, 0, Entry::function_only},
        {"random", random_integer, 0, Entry::function_only},
        {"uniform", random_number, int(Distribution::uniform), Entry::function_only},
        {"normal", random_number, int(Distribution::normal), Entry::function_only},
        {"manualSeed", manual_seed, 0, Entry::function_only},
        {"seed", seed, 0, Entry::function_only},
    };
    register_entries(lua, torch, methods, entries);
}

}  // namespace ipcrun::lua
